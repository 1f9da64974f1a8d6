from scpo.v1 import trainer_pb2 as _trainer_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DirectRequest(_message.Message):
    __slots__ = ("offer", "response")
    OFFER_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    offer: TrainingOffer
    response: _trainer_pb2.TrainResponse
    def __init__(self, offer: _Optional[_Union[TrainingOffer, _Mapping]] = ..., response: _Optional[_Union[_trainer_pb2.TrainResponse, _Mapping]] = ...) -> None: ...

class DirectResponse(_message.Message):
    __slots__ = ("request", "keep_trainings")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    KEEP_TRAININGS_FIELD_NUMBER: _ClassVar[int]
    request: _trainer_pb2.TrainRequest
    keep_trainings: int
    def __init__(self, request: _Optional[_Union[_trainer_pb2.TrainRequest, _Mapping]] = ..., keep_trainings: _Optional[int] = ...) -> None: ...

class TrainingOffer(_message.Message):
    __slots__ = ("protocol_version", "package_version", "name", "own", "rows", "difficulties", "stages", "weights_sha256", "saved_trainings", "processes", "host")
    PROTOCOL_VERSION_FIELD_NUMBER: _ClassVar[int]
    PACKAGE_VERSION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    OWN_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    DIFFICULTIES_FIELD_NUMBER: _ClassVar[int]
    STAGES_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_SHA256_FIELD_NUMBER: _ClassVar[int]
    SAVED_TRAININGS_FIELD_NUMBER: _ClassVar[int]
    PROCESSES_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    protocol_version: int
    package_version: str
    name: str
    own: _trainer_pb2.StartTraining
    rows: int
    difficulties: _containers.RepeatedScalarFieldContainer[float]
    stages: _containers.RepeatedScalarFieldContainer[int]
    weights_sha256: str
    saved_trainings: _containers.RepeatedScalarFieldContainer[str]
    processes: int
    host: str
    def __init__(self, protocol_version: _Optional[int] = ..., package_version: _Optional[str] = ..., name: _Optional[str] = ..., own: _Optional[_Union[_trainer_pb2.StartTraining, _Mapping]] = ..., rows: _Optional[int] = ..., difficulties: _Optional[_Iterable[float]] = ..., stages: _Optional[_Iterable[int]] = ..., weights_sha256: _Optional[str] = ..., saved_trainings: _Optional[_Iterable[str]] = ..., processes: _Optional[int] = ..., host: _Optional[str] = ...) -> None: ...
