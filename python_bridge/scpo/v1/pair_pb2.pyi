from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Dataset(_message.Message):
    __slots__ = ("path", "sha256")
    PATH_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    path: str
    sha256: str
    def __init__(self, path: _Optional[str] = ..., sha256: _Optional[str] = ...) -> None: ...

class QuadLogps(_message.Message):
    __slots__ = ("chosen_given_images", "rejected_given_images", "chosen_given_rejected_images", "rejected_given_rejected_images")
    CHOSEN_GIVEN_IMAGES_FIELD_NUMBER: _ClassVar[int]
    REJECTED_GIVEN_IMAGES_FIELD_NUMBER: _ClassVar[int]
    CHOSEN_GIVEN_REJECTED_IMAGES_FIELD_NUMBER: _ClassVar[int]
    REJECTED_GIVEN_REJECTED_IMAGES_FIELD_NUMBER: _ClassVar[int]
    chosen_given_images: float
    rejected_given_images: float
    chosen_given_rejected_images: float
    rejected_given_rejected_images: float
    def __init__(self, chosen_given_images: _Optional[float] = ..., rejected_given_images: _Optional[float] = ..., chosen_given_rejected_images: _Optional[float] = ..., rejected_given_rejected_images: _Optional[float] = ...) -> None: ...

class PairScore(_message.Message):
    __slots__ = ("pair", "entropy", "image_similarity", "transport_distance", "logps", "blind_margin", "tokens")
    PAIR_FIELD_NUMBER: _ClassVar[int]
    ENTROPY_FIELD_NUMBER: _ClassVar[int]
    IMAGE_SIMILARITY_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_DISTANCE_FIELD_NUMBER: _ClassVar[int]
    LOGPS_FIELD_NUMBER: _ClassVar[int]
    BLIND_MARGIN_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    pair: int
    entropy: float
    image_similarity: float
    transport_distance: float
    logps: QuadLogps
    blind_margin: float
    tokens: int
    def __init__(self, pair: _Optional[int] = ..., entropy: _Optional[float] = ..., image_similarity: _Optional[float] = ..., transport_distance: _Optional[float] = ..., logps: _Optional[_Union[QuadLogps, _Mapping]] = ..., blind_margin: _Optional[float] = ..., tokens: _Optional[int] = ...) -> None: ...
