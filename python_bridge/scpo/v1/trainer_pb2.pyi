from scpo.v1 import pair_pb2 as _pair_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Signal(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SIGNAL_UNSPECIFIED: _ClassVar[Signal]
    SIGNAL_ENTROPY: _ClassVar[Signal]
    SIGNAL_IMAGE_SIMILARITY: _ClassVar[Signal]
    SIGNAL_TRANSPORT_DISTANCE: _ClassVar[Signal]
    SIGNAL_LOGPS: _ClassVar[Signal]
    SIGNAL_BLIND_MARGIN: _ClassVar[Signal]
    SIGNAL_TOKENS: _ClassVar[Signal]

class ReferenceAtOpen(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REFERENCE_AT_OPEN_UNSPECIFIED: _ClassVar[ReferenceAtOpen]
    REFERENCE_AT_OPEN_POLICY: _ClassVar[ReferenceAtOpen]
    REFERENCE_AT_OPEN_KEEP: _ClassVar[ReferenceAtOpen]
    REFERENCE_AT_OPEN_INITIAL: _ClassVar[ReferenceAtOpen]

class LearningRateSchedule(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LEARNING_RATE_SCHEDULE_UNSPECIFIED: _ClassVar[LearningRateSchedule]
    LEARNING_RATE_SCHEDULE_CONSTANT: _ClassVar[LearningRateSchedule]
    LEARNING_RATE_SCHEDULE_LINEAR: _ClassVar[LearningRateSchedule]
    LEARNING_RATE_SCHEDULE_COSINE: _ClassVar[LearningRateSchedule]
SIGNAL_UNSPECIFIED: Signal
SIGNAL_ENTROPY: Signal
SIGNAL_IMAGE_SIMILARITY: Signal
SIGNAL_TRANSPORT_DISTANCE: Signal
SIGNAL_LOGPS: Signal
SIGNAL_BLIND_MARGIN: Signal
SIGNAL_TOKENS: Signal
REFERENCE_AT_OPEN_UNSPECIFIED: ReferenceAtOpen
REFERENCE_AT_OPEN_POLICY: ReferenceAtOpen
REFERENCE_AT_OPEN_KEEP: ReferenceAtOpen
REFERENCE_AT_OPEN_INITIAL: ReferenceAtOpen
LEARNING_RATE_SCHEDULE_UNSPECIFIED: LearningRateSchedule
LEARNING_RATE_SCHEDULE_CONSTANT: LearningRateSchedule
LEARNING_RATE_SCHEDULE_LINEAR: LearningRateSchedule
LEARNING_RATE_SCHEDULE_COSINE: LearningRateSchedule

class DescribeRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DescribeResponse(_message.Message):
    __slots__ = ("package_version", "versions", "threads", "device", "embedded_model_path", "losses", "process_id", "model_path", "protocol_version", "processes", "roots")
    class VersionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PACKAGE_VERSION_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    THREADS_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    EMBEDDED_MODEL_PATH_FIELD_NUMBER: _ClassVar[int]
    LOSSES_FIELD_NUMBER: _ClassVar[int]
    PROCESS_ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_PATH_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_VERSION_FIELD_NUMBER: _ClassVar[int]
    PROCESSES_FIELD_NUMBER: _ClassVar[int]
    ROOTS_FIELD_NUMBER: _ClassVar[int]
    package_version: str
    versions: _containers.ScalarMap[str, str]
    threads: int
    device: str
    embedded_model_path: str
    losses: _containers.RepeatedScalarFieldContainer[str]
    process_id: int
    model_path: str
    protocol_version: int
    processes: int
    roots: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, package_version: _Optional[str] = ..., versions: _Optional[_Mapping[str, str]] = ..., threads: _Optional[int] = ..., device: _Optional[str] = ..., embedded_model_path: _Optional[str] = ..., losses: _Optional[_Iterable[str]] = ..., process_id: _Optional[int] = ..., model_path: _Optional[str] = ..., protocol_version: _Optional[int] = ..., processes: _Optional[int] = ..., roots: _Optional[_Iterable[str]] = ...) -> None: ...

class LoadModelRequest(_message.Message):
    __slots__ = ("path", "trust_remote_code", "settings")
    PATH_FIELD_NUMBER: _ClassVar[int]
    TRUST_REMOTE_CODE_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    path: str
    trust_remote_code: bool
    settings: str
    def __init__(self, path: _Optional[str] = ..., trust_remote_code: _Optional[bool] = ..., settings: _Optional[str] = ...) -> None: ...

class LoadModelResponse(_message.Message):
    __slots__ = ("architecture", "parameters", "image_tokens", "weights_sha256", "adapter")
    ARCHITECTURE_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    IMAGE_TOKENS_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_SHA256_FIELD_NUMBER: _ClassVar[int]
    ADAPTER_FIELD_NUMBER: _ClassVar[int]
    architecture: str
    parameters: int
    image_tokens: int
    weights_sha256: str
    adapter: bool
    def __init__(self, architecture: _Optional[str] = ..., parameters: _Optional[int] = ..., image_tokens: _Optional[int] = ..., weights_sha256: _Optional[str] = ..., adapter: _Optional[bool] = ...) -> None: ...

class ScorePairsRequest(_message.Message):
    __slots__ = ("dataset", "pairs", "signals", "batch_size", "image_encoder", "patch_encoder")
    DATASET_FIELD_NUMBER: _ClassVar[int]
    PAIRS_FIELD_NUMBER: _ClassVar[int]
    SIGNALS_FIELD_NUMBER: _ClassVar[int]
    BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    IMAGE_ENCODER_FIELD_NUMBER: _ClassVar[int]
    PATCH_ENCODER_FIELD_NUMBER: _ClassVar[int]
    dataset: _pair_pb2.Dataset
    pairs: _containers.RepeatedScalarFieldContainer[int]
    signals: _containers.RepeatedScalarFieldContainer[Signal]
    batch_size: int
    image_encoder: str
    patch_encoder: str
    def __init__(self, dataset: _Optional[_Union[_pair_pb2.Dataset, _Mapping]] = ..., pairs: _Optional[_Iterable[int]] = ..., signals: _Optional[_Iterable[_Union[Signal, str]]] = ..., batch_size: _Optional[int] = ..., image_encoder: _Optional[str] = ..., patch_encoder: _Optional[str] = ...) -> None: ...

class ScorePairsResponse(_message.Message):
    __slots__ = ("scores", "done", "total")
    SCORES_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    scores: _containers.RepeatedCompositeFieldContainer[_pair_pb2.PairScore]
    done: int
    total: int
    def __init__(self, scores: _Optional[_Iterable[_Union[_pair_pb2.PairScore, _Mapping]]] = ..., done: _Optional[int] = ..., total: _Optional[int] = ...) -> None: ...

class Prompt(_message.Message):
    __slots__ = ("row", "text", "image_path")
    ROW_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    IMAGE_PATH_FIELD_NUMBER: _ClassVar[int]
    row: int
    text: str
    image_path: str
    def __init__(self, row: _Optional[int] = ..., text: _Optional[str] = ..., image_path: _Optional[str] = ...) -> None: ...

class GenerateRequest(_message.Message):
    __slots__ = ("dataset", "image_column", "prompts", "max_new_tokens", "batch_size")
    DATASET_FIELD_NUMBER: _ClassVar[int]
    IMAGE_COLUMN_FIELD_NUMBER: _ClassVar[int]
    PROMPTS_FIELD_NUMBER: _ClassVar[int]
    MAX_NEW_TOKENS_FIELD_NUMBER: _ClassVar[int]
    BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    dataset: _pair_pb2.Dataset
    image_column: str
    prompts: _containers.RepeatedCompositeFieldContainer[Prompt]
    max_new_tokens: int
    batch_size: int
    def __init__(self, dataset: _Optional[_Union[_pair_pb2.Dataset, _Mapping]] = ..., image_column: _Optional[str] = ..., prompts: _Optional[_Iterable[_Union[Prompt, _Mapping]]] = ..., max_new_tokens: _Optional[int] = ..., batch_size: _Optional[int] = ...) -> None: ...

class GenerateResponse(_message.Message):
    __slots__ = ("answers", "done", "total")
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    answers: _containers.RepeatedCompositeFieldContainer[Answer]
    done: int
    total: int
    def __init__(self, answers: _Optional[_Iterable[_Union[Answer, _Mapping]]] = ..., done: _Optional[int] = ..., total: _Optional[int] = ...) -> None: ...

class Answer(_message.Message):
    __slots__ = ("prompt", "text")
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    prompt: int
    text: str
    def __init__(self, prompt: _Optional[int] = ..., text: _Optional[str] = ...) -> None: ...

class ExportModelRequest(_message.Message):
    __slots__ = ("path", "adapter")
    PATH_FIELD_NUMBER: _ClassVar[int]
    ADAPTER_FIELD_NUMBER: _ClassVar[int]
    path: str
    adapter: bool
    def __init__(self, path: _Optional[str] = ..., adapter: _Optional[bool] = ...) -> None: ...

class ExportModelResponse(_message.Message):
    __slots__ = ("weights_sha256",)
    WEIGHTS_SHA256_FIELD_NUMBER: _ClassVar[int]
    weights_sha256: str
    def __init__(self, weights_sha256: _Optional[str] = ...) -> None: ...

class ShutdownRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ShutdownResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class TrainRequest(_message.Message):
    __slots__ = ("start", "open_stage", "feed_pairs", "decision")
    START_FIELD_NUMBER: _ClassVar[int]
    OPEN_STAGE_FIELD_NUMBER: _ClassVar[int]
    FEED_PAIRS_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    start: StartTraining
    open_stage: OpenStage
    feed_pairs: FeedPairs
    decision: Decision
    def __init__(self, start: _Optional[_Union[StartTraining, _Mapping]] = ..., open_stage: _Optional[_Union[OpenStage, _Mapping]] = ..., feed_pairs: _Optional[_Union[FeedPairs, _Mapping]] = ..., decision: _Optional[_Union[Decision, _Mapping]] = ...) -> None: ...

class TrainResponse(_message.Message):
    __slots__ = ("started", "table_progress", "stage_opened", "step_report", "checkpoint_saved", "stage_closed", "ended", "failed")
    STARTED_FIELD_NUMBER: _ClassVar[int]
    TABLE_PROGRESS_FIELD_NUMBER: _ClassVar[int]
    STAGE_OPENED_FIELD_NUMBER: _ClassVar[int]
    STEP_REPORT_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_SAVED_FIELD_NUMBER: _ClassVar[int]
    STAGE_CLOSED_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    started: TrainingStarted
    table_progress: TableProgress
    stage_opened: StageOpened
    step_report: StepReport
    checkpoint_saved: CheckpointSaved
    stage_closed: StageClosed
    ended: TrainingEnded
    failed: TrainingFailed
    def __init__(self, started: _Optional[_Union[TrainingStarted, _Mapping]] = ..., table_progress: _Optional[_Union[TableProgress, _Mapping]] = ..., stage_opened: _Optional[_Union[StageOpened, _Mapping]] = ..., step_report: _Optional[_Union[StepReport, _Mapping]] = ..., checkpoint_saved: _Optional[_Union[CheckpointSaved, _Mapping]] = ..., stage_closed: _Optional[_Union[StageClosed, _Mapping]] = ..., ended: _Optional[_Union[TrainingEnded, _Mapping]] = ..., failed: _Optional[_Union[TrainingFailed, _Mapping]] = ...) -> None: ...

class Objective(_message.Message):
    __slots__ = ("losses",)
    LOSSES_FIELD_NUMBER: _ClassVar[int]
    losses: _containers.RepeatedCompositeFieldContainer[WeightedLoss]
    def __init__(self, losses: _Optional[_Iterable[_Union[WeightedLoss, _Mapping]]] = ...) -> None: ...

class WeightedLoss(_message.Message):
    __slots__ = ("name", "weight", "parameters")
    class ParametersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    name: str
    weight: float
    parameters: _containers.ScalarMap[str, float]
    def __init__(self, name: _Optional[str] = ..., weight: _Optional[float] = ..., parameters: _Optional[_Mapping[str, float]] = ...) -> None: ...

class StartTraining(_message.Message):
    __slots__ = ("dataset", "batch_size", "gradient_accumulation_steps", "seed", "checkpoint_directory", "telemetry_endpoint", "resume_from", "settings")
    DATASET_FIELD_NUMBER: _ClassVar[int]
    BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    GRADIENT_ACCUMULATION_STEPS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    TELEMETRY_ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    RESUME_FROM_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    dataset: _pair_pb2.Dataset
    batch_size: int
    gradient_accumulation_steps: int
    seed: int
    checkpoint_directory: str
    telemetry_endpoint: str
    resume_from: str
    settings: str
    def __init__(self, dataset: _Optional[_Union[_pair_pb2.Dataset, _Mapping]] = ..., batch_size: _Optional[int] = ..., gradient_accumulation_steps: _Optional[int] = ..., seed: _Optional[int] = ..., checkpoint_directory: _Optional[str] = ..., telemetry_endpoint: _Optional[str] = ..., resume_from: _Optional[str] = ..., settings: _Optional[str] = ...) -> None: ...

class TrainingStarted(_message.Message):
    __slots__ = ("trainable_parameters", "stored_dtype", "weights_dtype", "autocast_dtype")
    TRAINABLE_PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    STORED_DTYPE_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_DTYPE_FIELD_NUMBER: _ClassVar[int]
    AUTOCAST_DTYPE_FIELD_NUMBER: _ClassVar[int]
    trainable_parameters: int
    stored_dtype: str
    weights_dtype: str
    autocast_dtype: str
    def __init__(self, trainable_parameters: _Optional[int] = ..., stored_dtype: _Optional[str] = ..., weights_dtype: _Optional[str] = ..., autocast_dtype: _Optional[str] = ...) -> None: ...

class OpenStage(_message.Message):
    __slots__ = ("stage", "pairs", "steps", "objective", "learning_rate", "schedule", "warmup_steps", "reference", "keep_reference_weights", "held_out_pairs")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    PAIRS_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    OBJECTIVE_FIELD_NUMBER: _ClassVar[int]
    LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    WARMUP_STEPS_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    KEEP_REFERENCE_WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    HELD_OUT_PAIRS_FIELD_NUMBER: _ClassVar[int]
    stage: int
    pairs: _containers.RepeatedScalarFieldContainer[int]
    steps: int
    objective: Objective
    learning_rate: float
    schedule: LearningRateSchedule
    warmup_steps: int
    reference: ReferenceAtOpen
    keep_reference_weights: bool
    held_out_pairs: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, stage: _Optional[int] = ..., pairs: _Optional[_Iterable[int]] = ..., steps: _Optional[int] = ..., objective: _Optional[_Union[Objective, _Mapping]] = ..., learning_rate: _Optional[float] = ..., schedule: _Optional[_Union[LearningRateSchedule, str]] = ..., warmup_steps: _Optional[int] = ..., reference: _Optional[_Union[ReferenceAtOpen, str]] = ..., keep_reference_weights: _Optional[bool] = ..., held_out_pairs: _Optional[_Iterable[int]] = ...) -> None: ...

class TableProgress(_message.Message):
    __slots__ = ("done", "total")
    DONE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    done: int
    total: int
    def __init__(self, done: _Optional[int] = ..., total: _Optional[int] = ...) -> None: ...

class StageOpened(_message.Message):
    __slots__ = ("stage", "table_seconds")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    TABLE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    stage: int
    table_seconds: float
    def __init__(self, stage: _Optional[int] = ..., table_seconds: _Optional[float] = ...) -> None: ...

class FeedPairs(_message.Message):
    __slots__ = ("pairs", "last")
    PAIRS_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    pairs: _containers.RepeatedScalarFieldContainer[int]
    last: bool
    def __init__(self, pairs: _Optional[_Iterable[int]] = ..., last: _Optional[bool] = ...) -> None: ...

class PairReport(_message.Message):
    __slots__ = ("pair", "margins")
    class MarginsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    PAIR_FIELD_NUMBER: _ClassVar[int]
    MARGINS_FIELD_NUMBER: _ClassVar[int]
    pair: int
    margins: _containers.ScalarMap[str, float]
    def __init__(self, pair: _Optional[int] = ..., margins: _Optional[_Mapping[str, float]] = ...) -> None: ...

class StepReport(_message.Message):
    __slots__ = ("step", "stage", "step_in_stage", "loss", "terms", "accuracies", "rewards", "kl_reference", "kl_initial", "learning_rate", "grad_norm", "seconds", "tokens", "memory_bytes", "pairs", "held_out")
    class TermsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class AccuraciesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    STEP_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    STEP_IN_STAGE_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    TERMS_FIELD_NUMBER: _ClassVar[int]
    ACCURACIES_FIELD_NUMBER: _ClassVar[int]
    REWARDS_FIELD_NUMBER: _ClassVar[int]
    KL_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    KL_INITIAL_FIELD_NUMBER: _ClassVar[int]
    LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    GRAD_NORM_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    PAIRS_FIELD_NUMBER: _ClassVar[int]
    HELD_OUT_FIELD_NUMBER: _ClassVar[int]
    step: int
    stage: int
    step_in_stage: int
    loss: float
    terms: _containers.ScalarMap[str, float]
    accuracies: _containers.ScalarMap[str, float]
    rewards: _pair_pb2.QuadLogps
    kl_reference: float
    kl_initial: float
    learning_rate: float
    grad_norm: float
    seconds: float
    tokens: int
    memory_bytes: int
    pairs: _containers.RepeatedCompositeFieldContainer[PairReport]
    held_out: HeldOutReport
    def __init__(self, step: _Optional[int] = ..., stage: _Optional[int] = ..., step_in_stage: _Optional[int] = ..., loss: _Optional[float] = ..., terms: _Optional[_Mapping[str, float]] = ..., accuracies: _Optional[_Mapping[str, float]] = ..., rewards: _Optional[_Union[_pair_pb2.QuadLogps, _Mapping]] = ..., kl_reference: _Optional[float] = ..., kl_initial: _Optional[float] = ..., learning_rate: _Optional[float] = ..., grad_norm: _Optional[float] = ..., seconds: _Optional[float] = ..., tokens: _Optional[int] = ..., memory_bytes: _Optional[int] = ..., pairs: _Optional[_Iterable[_Union[PairReport, _Mapping]]] = ..., held_out: _Optional[_Union[HeldOutReport, _Mapping]] = ...) -> None: ...

class HeldOutReport(_message.Message):
    __slots__ = ("pairs", "loss", "terms", "accuracies", "margins", "kl_reference", "seconds")
    class TermsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class AccuraciesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class MarginsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    PAIRS_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    TERMS_FIELD_NUMBER: _ClassVar[int]
    ACCURACIES_FIELD_NUMBER: _ClassVar[int]
    MARGINS_FIELD_NUMBER: _ClassVar[int]
    KL_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    pairs: int
    loss: float
    terms: _containers.ScalarMap[str, float]
    accuracies: _containers.ScalarMap[str, float]
    margins: _containers.ScalarMap[str, float]
    kl_reference: float
    seconds: float
    def __init__(self, pairs: _Optional[int] = ..., loss: _Optional[float] = ..., terms: _Optional[_Mapping[str, float]] = ..., accuracies: _Optional[_Mapping[str, float]] = ..., margins: _Optional[_Mapping[str, float]] = ..., kl_reference: _Optional[float] = ..., seconds: _Optional[float] = ...) -> None: ...

class Decision(_message.Message):
    __slots__ = ("step", "reason", "move_reference_alpha", "checkpoint", "end_stage", "stop", "evaluate_held_out", "save_training", "pause")
    STEP_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MOVE_REFERENCE_ALPHA_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    END_STAGE_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    EVALUATE_HELD_OUT_FIELD_NUMBER: _ClassVar[int]
    SAVE_TRAINING_FIELD_NUMBER: _ClassVar[int]
    PAUSE_FIELD_NUMBER: _ClassVar[int]
    step: int
    reason: str
    move_reference_alpha: float
    checkpoint: str
    end_stage: bool
    stop: bool
    evaluate_held_out: bool
    save_training: str
    pause: bool
    def __init__(self, step: _Optional[int] = ..., reason: _Optional[str] = ..., move_reference_alpha: _Optional[float] = ..., checkpoint: _Optional[str] = ..., end_stage: _Optional[bool] = ..., stop: _Optional[bool] = ..., evaluate_held_out: _Optional[bool] = ..., save_training: _Optional[str] = ..., pause: _Optional[bool] = ...) -> None: ...

class CheckpointSaved(_message.Message):
    __slots__ = ("path", "step", "weights_sha256", "name", "training")
    PATH_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_SHA256_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TRAINING_FIELD_NUMBER: _ClassVar[int]
    path: str
    step: int
    weights_sha256: str
    name: str
    training: bool
    def __init__(self, path: _Optional[str] = ..., step: _Optional[int] = ..., weights_sha256: _Optional[str] = ..., name: _Optional[str] = ..., training: _Optional[bool] = ...) -> None: ...

class StageClosed(_message.Message):
    __slots__ = ("stage", "steps", "unused_pairs")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    UNUSED_PAIRS_FIELD_NUMBER: _ClassVar[int]
    stage: int
    steps: int
    unused_pairs: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, stage: _Optional[int] = ..., steps: _Optional[int] = ..., unused_pairs: _Optional[_Iterable[int]] = ...) -> None: ...

class TrainingEnded(_message.Message):
    __slots__ = ("steps", "seconds")
    STEPS_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    steps: int
    seconds: float
    def __init__(self, steps: _Optional[int] = ..., seconds: _Optional[float] = ...) -> None: ...

class TrainingFailed(_message.Message):
    __slots__ = ("message", "loss_not_finite", "out_of_memory", "checkpoint_damaged")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    LOSS_NOT_FINITE_FIELD_NUMBER: _ClassVar[int]
    OUT_OF_MEMORY_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_DAMAGED_FIELD_NUMBER: _ClassVar[int]
    message: str
    loss_not_finite: LossNotFinite
    out_of_memory: OutOfMemory
    checkpoint_damaged: CheckpointDamaged
    def __init__(self, message: _Optional[str] = ..., loss_not_finite: _Optional[_Union[LossNotFinite, _Mapping]] = ..., out_of_memory: _Optional[_Union[OutOfMemory, _Mapping]] = ..., checkpoint_damaged: _Optional[_Union[CheckpointDamaged, _Mapping]] = ...) -> None: ...

class LossNotFinite(_message.Message):
    __slots__ = ("step", "stage", "pairs", "bad_pairs")
    STEP_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    PAIRS_FIELD_NUMBER: _ClassVar[int]
    BAD_PAIRS_FIELD_NUMBER: _ClassVar[int]
    step: int
    stage: int
    pairs: _containers.RepeatedScalarFieldContainer[int]
    bad_pairs: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, step: _Optional[int] = ..., stage: _Optional[int] = ..., pairs: _Optional[_Iterable[int]] = ..., bad_pairs: _Optional[_Iterable[int]] = ...) -> None: ...

class OutOfMemory(_message.Message):
    __slots__ = ("step",)
    STEP_FIELD_NUMBER: _ClassVar[int]
    step: int
    def __init__(self, step: _Optional[int] = ...) -> None: ...

class CheckpointDamaged(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...
