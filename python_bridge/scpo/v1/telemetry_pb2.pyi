from scpo.v1 import pair_pb2 as _pair_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PairRecord(_message.Message):
    __slots__ = ("step", "stage", "pair", "policy", "reference", "rewards", "textual_margin", "visual_margin", "textual_mirror_margin", "visual_mirror_margin")
    STEP_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    PAIR_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    REWARDS_FIELD_NUMBER: _ClassVar[int]
    TEXTUAL_MARGIN_FIELD_NUMBER: _ClassVar[int]
    VISUAL_MARGIN_FIELD_NUMBER: _ClassVar[int]
    TEXTUAL_MIRROR_MARGIN_FIELD_NUMBER: _ClassVar[int]
    VISUAL_MIRROR_MARGIN_FIELD_NUMBER: _ClassVar[int]
    step: int
    stage: int
    pair: int
    policy: _pair_pb2.QuadLogps
    reference: _pair_pb2.QuadLogps
    rewards: _pair_pb2.QuadLogps
    textual_margin: float
    visual_margin: float
    textual_mirror_margin: float
    visual_mirror_margin: float
    def __init__(self, step: _Optional[int] = ..., stage: _Optional[int] = ..., pair: _Optional[int] = ..., policy: _Optional[_Union[_pair_pb2.QuadLogps, _Mapping]] = ..., reference: _Optional[_Union[_pair_pb2.QuadLogps, _Mapping]] = ..., rewards: _Optional[_Union[_pair_pb2.QuadLogps, _Mapping]] = ..., textual_margin: _Optional[float] = ..., visual_margin: _Optional[float] = ..., textual_mirror_margin: _Optional[float] = ..., visual_mirror_margin: _Optional[float] = ...) -> None: ...

class TelemetryBatch(_message.Message):
    __slots__ = ("sequence", "records", "last")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    records: _containers.RepeatedCompositeFieldContainer[PairRecord]
    last: bool
    def __init__(self, sequence: _Optional[int] = ..., records: _Optional[_Iterable[_Union[PairRecord, _Mapping]]] = ..., last: _Optional[bool] = ...) -> None: ...
