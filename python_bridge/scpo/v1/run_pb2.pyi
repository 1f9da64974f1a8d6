import datetime

from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RunState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RUN_STATE_UNSPECIFIED: _ClassVar[RunState]
    RUN_STATE_QUEUED: _ClassVar[RunState]
    RUN_STATE_RUNNING: _ClassVar[RunState]
    RUN_STATE_PAUSED: _ClassVar[RunState]
    RUN_STATE_SUCCEEDED: _ClassVar[RunState]
    RUN_STATE_STOPPED: _ClassVar[RunState]
    RUN_STATE_CANCELLED: _ClassVar[RunState]
    RUN_STATE_FAILED: _ClassVar[RunState]
    RUN_STATE_INTERRUPTED: _ClassVar[RunState]

class RunPhase(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RUN_PHASE_UNSPECIFIED: _ClassVar[RunPhase]
    RUN_PHASE_TRAINING: _ClassVar[RunPhase]
    RUN_PHASE_EVALUATION: _ClassVar[RunPhase]
    RUN_PHASE_PAGE: _ClassVar[RunPhase]
RUN_STATE_UNSPECIFIED: RunState
RUN_STATE_QUEUED: RunState
RUN_STATE_RUNNING: RunState
RUN_STATE_PAUSED: RunState
RUN_STATE_SUCCEEDED: RunState
RUN_STATE_STOPPED: RunState
RUN_STATE_CANCELLED: RunState
RUN_STATE_FAILED: RunState
RUN_STATE_INTERRUPTED: RunState
RUN_PHASE_UNSPECIFIED: RunPhase
RUN_PHASE_TRAINING: RunPhase
RUN_PHASE_EVALUATION: RunPhase
RUN_PHASE_PAGE: RunPhase

class Run(_message.Message):
    __slots__ = ("name", "settings", "state", "reason", "create_time", "seconds", "progress", "last_sequence", "queued_before", "phase", "evaluations")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    QUEUED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    EVALUATIONS_FIELD_NUMBER: _ClassVar[int]
    name: str
    settings: _struct_pb2.Struct
    state: RunState
    reason: str
    create_time: _timestamp_pb2.Timestamp
    seconds: float
    progress: RunProgress
    last_sequence: int
    queued_before: int
    phase: RunPhase
    evaluations: _containers.RepeatedCompositeFieldContainer[Evaluation]
    def __init__(self, name: _Optional[str] = ..., settings: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., state: _Optional[_Union[RunState, str]] = ..., reason: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., seconds: _Optional[float] = ..., progress: _Optional[_Union[RunProgress, _Mapping]] = ..., last_sequence: _Optional[int] = ..., queued_before: _Optional[int] = ..., phase: _Optional[_Union[RunPhase, str]] = ..., evaluations: _Optional[_Iterable[_Union[Evaluation, _Mapping]]] = ...) -> None: ...

class Evaluation(_message.Message):
    __slots__ = ("stage", "benchmark", "figures")
    class FiguresEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    STAGE_FIELD_NUMBER: _ClassVar[int]
    BENCHMARK_FIELD_NUMBER: _ClassVar[int]
    FIGURES_FIELD_NUMBER: _ClassVar[int]
    stage: int
    benchmark: str
    figures: _containers.ScalarMap[str, float]
    def __init__(self, stage: _Optional[int] = ..., benchmark: _Optional[str] = ..., figures: _Optional[_Mapping[str, float]] = ...) -> None: ...

class RunProgress(_message.Message):
    __slots__ = ("stage", "stage_name", "stages", "step", "planned_steps", "loss")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    STAGE_NAME_FIELD_NUMBER: _ClassVar[int]
    STAGES_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    PLANNED_STEPS_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    stage: int
    stage_name: str
    stages: int
    step: int
    planned_steps: int
    loss: float
    def __init__(self, stage: _Optional[int] = ..., stage_name: _Optional[str] = ..., stages: _Optional[int] = ..., step: _Optional[int] = ..., planned_steps: _Optional[int] = ..., loss: _Optional[float] = ...) -> None: ...

class CreateRunRequest(_message.Message):
    __slots__ = ("settings", "run_id", "request_id", "validate_only")
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    settings: _struct_pb2.Struct
    run_id: str
    request_id: str
    validate_only: bool
    def __init__(self, settings: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., run_id: _Optional[str] = ..., request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class CreateRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: Run
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ...) -> None: ...

class GetRunRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: Run
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ...) -> None: ...

class ListRunsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "states", "with_settings")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    WITH_SETTINGS_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    states: _containers.RepeatedScalarFieldContainer[RunState]
    with_settings: bool
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., states: _Optional[_Iterable[_Union[RunState, str]]] = ..., with_settings: _Optional[bool] = ...) -> None: ...

class ListRunsResponse(_message.Message):
    __slots__ = ("runs", "next_page_token")
    RUNS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[Run]
    next_page_token: str
    def __init__(self, runs: _Optional[_Iterable[_Union[Run, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class WatchRunRequest(_message.Message):
    __slots__ = ("name", "after_sequence")
    NAME_FIELD_NUMBER: _ClassVar[int]
    AFTER_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    after_sequence: int
    def __init__(self, name: _Optional[str] = ..., after_sequence: _Optional[int] = ...) -> None: ...

class WatchRunResponse(_message.Message):
    __slots__ = ("event",)
    EVENT_FIELD_NUMBER: _ClassVar[int]
    event: RunEvent
    def __init__(self, event: _Optional[_Union[RunEvent, _Mapping]] = ...) -> None: ...

class RunEvent(_message.Message):
    __slots__ = ("sequence", "time", "started", "resumed", "table", "stage_opened", "step", "reference_moved", "checkpoint_saved", "training_saved", "stage_closed", "trouble", "ended", "failed", "claimed", "training_ended", "phase_opened", "evaluation_started", "evaluation_progress", "evaluation_finished", "page_written")
    class Claimed(_message.Message):
        __slots__ = ()
        def __init__(self) -> None: ...
    class Stage(_message.Message):
        __slots__ = ("name", "planned_steps")
        NAME_FIELD_NUMBER: _ClassVar[int]
        PLANNED_STEPS_FIELD_NUMBER: _ClassVar[int]
        name: str
        planned_steps: int
        def __init__(self, name: _Optional[str] = ..., planned_steps: _Optional[int] = ...) -> None: ...
    class Started(_message.Message):
        __slots__ = ("name", "stages", "trainable_parameters", "stored_dtype", "weights_dtype", "autocast_dtype")
        NAME_FIELD_NUMBER: _ClassVar[int]
        STAGES_FIELD_NUMBER: _ClassVar[int]
        TRAINABLE_PARAMETERS_FIELD_NUMBER: _ClassVar[int]
        STORED_DTYPE_FIELD_NUMBER: _ClassVar[int]
        WEIGHTS_DTYPE_FIELD_NUMBER: _ClassVar[int]
        AUTOCAST_DTYPE_FIELD_NUMBER: _ClassVar[int]
        name: str
        stages: _containers.RepeatedCompositeFieldContainer[RunEvent.Stage]
        trainable_parameters: int
        stored_dtype: str
        weights_dtype: str
        autocast_dtype: str
        def __init__(self, name: _Optional[str] = ..., stages: _Optional[_Iterable[_Union[RunEvent.Stage, _Mapping]]] = ..., trainable_parameters: _Optional[int] = ..., stored_dtype: _Optional[str] = ..., weights_dtype: _Optional[str] = ..., autocast_dtype: _Optional[str] = ...) -> None: ...
    class Resumed(_message.Message):
        __slots__ = ("step", "stage", "reason")
        STEP_FIELD_NUMBER: _ClassVar[int]
        STAGE_FIELD_NUMBER: _ClassVar[int]
        REASON_FIELD_NUMBER: _ClassVar[int]
        step: int
        stage: int
        reason: str
        def __init__(self, step: _Optional[int] = ..., stage: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...
    class Table(_message.Message):
        __slots__ = ("stage", "done", "total")
        STAGE_FIELD_NUMBER: _ClassVar[int]
        DONE_FIELD_NUMBER: _ClassVar[int]
        TOTAL_FIELD_NUMBER: _ClassVar[int]
        stage: int
        done: int
        total: int
        def __init__(self, stage: _Optional[int] = ..., done: _Optional[int] = ..., total: _Optional[int] = ...) -> None: ...
    class StageOpened(_message.Message):
        __slots__ = ("stage", "name", "planned_steps", "table_seconds")
        STAGE_FIELD_NUMBER: _ClassVar[int]
        NAME_FIELD_NUMBER: _ClassVar[int]
        PLANNED_STEPS_FIELD_NUMBER: _ClassVar[int]
        TABLE_SECONDS_FIELD_NUMBER: _ClassVar[int]
        stage: int
        name: str
        planned_steps: int
        table_seconds: float
        def __init__(self, stage: _Optional[int] = ..., name: _Optional[str] = ..., planned_steps: _Optional[int] = ..., table_seconds: _Optional[float] = ...) -> None: ...
    class Step(_message.Message):
        __slots__ = ("step", "stage", "step_in_stage", "loss", "terms", "accuracies", "kl_reference", "kl_initial", "learning_rate", "grad_norm", "seconds", "tokens", "memory_bytes")
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
        KL_REFERENCE_FIELD_NUMBER: _ClassVar[int]
        KL_INITIAL_FIELD_NUMBER: _ClassVar[int]
        LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
        GRAD_NORM_FIELD_NUMBER: _ClassVar[int]
        SECONDS_FIELD_NUMBER: _ClassVar[int]
        TOKENS_FIELD_NUMBER: _ClassVar[int]
        MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
        step: int
        stage: int
        step_in_stage: int
        loss: float
        terms: _containers.ScalarMap[str, float]
        accuracies: _containers.ScalarMap[str, float]
        kl_reference: float
        kl_initial: float
        learning_rate: float
        grad_norm: float
        seconds: float
        tokens: int
        memory_bytes: int
        def __init__(self, step: _Optional[int] = ..., stage: _Optional[int] = ..., step_in_stage: _Optional[int] = ..., loss: _Optional[float] = ..., terms: _Optional[_Mapping[str, float]] = ..., accuracies: _Optional[_Mapping[str, float]] = ..., kl_reference: _Optional[float] = ..., kl_initial: _Optional[float] = ..., learning_rate: _Optional[float] = ..., grad_norm: _Optional[float] = ..., seconds: _Optional[float] = ..., tokens: _Optional[int] = ..., memory_bytes: _Optional[int] = ...) -> None: ...
    class ReferenceMoved(_message.Message):
        __slots__ = ("step", "stage", "alpha", "reason")
        STEP_FIELD_NUMBER: _ClassVar[int]
        STAGE_FIELD_NUMBER: _ClassVar[int]
        ALPHA_FIELD_NUMBER: _ClassVar[int]
        REASON_FIELD_NUMBER: _ClassVar[int]
        step: int
        stage: int
        alpha: float
        reason: str
        def __init__(self, step: _Optional[int] = ..., stage: _Optional[int] = ..., alpha: _Optional[float] = ..., reason: _Optional[str] = ...) -> None: ...
    class CheckpointSaved(_message.Message):
        __slots__ = ("checkpoint",)
        CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
        checkpoint: Checkpoint
        def __init__(self, checkpoint: _Optional[_Union[Checkpoint, _Mapping]] = ...) -> None: ...
    class TrainingSaved(_message.Message):
        __slots__ = ("step", "stage")
        STEP_FIELD_NUMBER: _ClassVar[int]
        STAGE_FIELD_NUMBER: _ClassVar[int]
        step: int
        stage: int
        def __init__(self, step: _Optional[int] = ..., stage: _Optional[int] = ...) -> None: ...
    class StageClosed(_message.Message):
        __slots__ = ("stage", "steps")
        STAGE_FIELD_NUMBER: _ClassVar[int]
        STEPS_FIELD_NUMBER: _ClassVar[int]
        stage: int
        steps: int
        def __init__(self, stage: _Optional[int] = ..., steps: _Optional[int] = ...) -> None: ...
    class Trouble(_message.Message):
        __slots__ = ("kind", "reason")
        KIND_FIELD_NUMBER: _ClassVar[int]
        REASON_FIELD_NUMBER: _ClassVar[int]
        kind: str
        reason: str
        def __init__(self, kind: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...
    class TrainingEnded(_message.Message):
        __slots__ = ("state", "reason", "steps")
        STATE_FIELD_NUMBER: _ClassVar[int]
        REASON_FIELD_NUMBER: _ClassVar[int]
        STEPS_FIELD_NUMBER: _ClassVar[int]
        state: RunState
        reason: str
        steps: int
        def __init__(self, state: _Optional[_Union[RunState, str]] = ..., reason: _Optional[str] = ..., steps: _Optional[int] = ...) -> None: ...
    class PhaseOpened(_message.Message):
        __slots__ = ("phase",)
        PHASE_FIELD_NUMBER: _ClassVar[int]
        phase: RunPhase
        def __init__(self, phase: _Optional[_Union[RunPhase, str]] = ...) -> None: ...
    class EvaluationStarted(_message.Message):
        __slots__ = ("stage", "benchmark")
        STAGE_FIELD_NUMBER: _ClassVar[int]
        BENCHMARK_FIELD_NUMBER: _ClassVar[int]
        stage: int
        benchmark: str
        def __init__(self, stage: _Optional[int] = ..., benchmark: _Optional[str] = ...) -> None: ...
    class EvaluationProgress(_message.Message):
        __slots__ = ("stage", "benchmark", "what", "done", "total")
        STAGE_FIELD_NUMBER: _ClassVar[int]
        BENCHMARK_FIELD_NUMBER: _ClassVar[int]
        WHAT_FIELD_NUMBER: _ClassVar[int]
        DONE_FIELD_NUMBER: _ClassVar[int]
        TOTAL_FIELD_NUMBER: _ClassVar[int]
        stage: int
        benchmark: str
        what: str
        done: int
        total: int
        def __init__(self, stage: _Optional[int] = ..., benchmark: _Optional[str] = ..., what: _Optional[str] = ..., done: _Optional[int] = ..., total: _Optional[int] = ...) -> None: ...
    class EvaluationFinished(_message.Message):
        __slots__ = ("evaluation",)
        EVALUATION_FIELD_NUMBER: _ClassVar[int]
        evaluation: Evaluation
        def __init__(self, evaluation: _Optional[_Union[Evaluation, _Mapping]] = ...) -> None: ...
    class PageWritten(_message.Message):
        __slots__ = ()
        def __init__(self) -> None: ...
    class Ended(_message.Message):
        __slots__ = ("state", "reason", "steps")
        STATE_FIELD_NUMBER: _ClassVar[int]
        REASON_FIELD_NUMBER: _ClassVar[int]
        STEPS_FIELD_NUMBER: _ClassVar[int]
        state: RunState
        reason: str
        steps: int
        def __init__(self, state: _Optional[_Union[RunState, str]] = ..., reason: _Optional[str] = ..., steps: _Optional[int] = ...) -> None: ...
    class Failed(_message.Message):
        __slots__ = ("reason", "step", "pairs")
        REASON_FIELD_NUMBER: _ClassVar[int]
        STEP_FIELD_NUMBER: _ClassVar[int]
        PAIRS_FIELD_NUMBER: _ClassVar[int]
        reason: str
        step: int
        pairs: _containers.RepeatedScalarFieldContainer[int]
        def __init__(self, reason: _Optional[str] = ..., step: _Optional[int] = ..., pairs: _Optional[_Iterable[int]] = ...) -> None: ...
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    RESUMED_FIELD_NUMBER: _ClassVar[int]
    TABLE_FIELD_NUMBER: _ClassVar[int]
    STAGE_OPENED_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_MOVED_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_SAVED_FIELD_NUMBER: _ClassVar[int]
    TRAINING_SAVED_FIELD_NUMBER: _ClassVar[int]
    STAGE_CLOSED_FIELD_NUMBER: _ClassVar[int]
    TROUBLE_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    CLAIMED_FIELD_NUMBER: _ClassVar[int]
    TRAINING_ENDED_FIELD_NUMBER: _ClassVar[int]
    PHASE_OPENED_FIELD_NUMBER: _ClassVar[int]
    EVALUATION_STARTED_FIELD_NUMBER: _ClassVar[int]
    EVALUATION_PROGRESS_FIELD_NUMBER: _ClassVar[int]
    EVALUATION_FINISHED_FIELD_NUMBER: _ClassVar[int]
    PAGE_WRITTEN_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    time: _timestamp_pb2.Timestamp
    started: RunEvent.Started
    resumed: RunEvent.Resumed
    table: RunEvent.Table
    stage_opened: RunEvent.StageOpened
    step: RunEvent.Step
    reference_moved: RunEvent.ReferenceMoved
    checkpoint_saved: RunEvent.CheckpointSaved
    training_saved: RunEvent.TrainingSaved
    stage_closed: RunEvent.StageClosed
    trouble: RunEvent.Trouble
    ended: RunEvent.Ended
    failed: RunEvent.Failed
    claimed: RunEvent.Claimed
    training_ended: RunEvent.TrainingEnded
    phase_opened: RunEvent.PhaseOpened
    evaluation_started: RunEvent.EvaluationStarted
    evaluation_progress: RunEvent.EvaluationProgress
    evaluation_finished: RunEvent.EvaluationFinished
    page_written: RunEvent.PageWritten
    def __init__(self, sequence: _Optional[int] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., started: _Optional[_Union[RunEvent.Started, _Mapping]] = ..., resumed: _Optional[_Union[RunEvent.Resumed, _Mapping]] = ..., table: _Optional[_Union[RunEvent.Table, _Mapping]] = ..., stage_opened: _Optional[_Union[RunEvent.StageOpened, _Mapping]] = ..., step: _Optional[_Union[RunEvent.Step, _Mapping]] = ..., reference_moved: _Optional[_Union[RunEvent.ReferenceMoved, _Mapping]] = ..., checkpoint_saved: _Optional[_Union[RunEvent.CheckpointSaved, _Mapping]] = ..., training_saved: _Optional[_Union[RunEvent.TrainingSaved, _Mapping]] = ..., stage_closed: _Optional[_Union[RunEvent.StageClosed, _Mapping]] = ..., trouble: _Optional[_Union[RunEvent.Trouble, _Mapping]] = ..., ended: _Optional[_Union[RunEvent.Ended, _Mapping]] = ..., failed: _Optional[_Union[RunEvent.Failed, _Mapping]] = ..., claimed: _Optional[_Union[RunEvent.Claimed, _Mapping]] = ..., training_ended: _Optional[_Union[RunEvent.TrainingEnded, _Mapping]] = ..., phase_opened: _Optional[_Union[RunEvent.PhaseOpened, _Mapping]] = ..., evaluation_started: _Optional[_Union[RunEvent.EvaluationStarted, _Mapping]] = ..., evaluation_progress: _Optional[_Union[RunEvent.EvaluationProgress, _Mapping]] = ..., evaluation_finished: _Optional[_Union[RunEvent.EvaluationFinished, _Mapping]] = ..., page_written: _Optional[_Union[RunEvent.PageWritten, _Mapping]] = ...) -> None: ...

class CancelRunRequest(_message.Message):
    __slots__ = ("name", "reason", "request_id")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    name: str
    reason: str
    request_id: str
    def __init__(self, name: _Optional[str] = ..., reason: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class CancelRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: Run
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ...) -> None: ...

class PauseRunRequest(_message.Message):
    __slots__ = ("name", "request_id")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    name: str
    request_id: str
    def __init__(self, name: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class PauseRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: Run
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ...) -> None: ...

class ResumeRunRequest(_message.Message):
    __slots__ = ("name", "request_id")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    name: str
    request_id: str
    def __init__(self, name: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class ResumeRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: Run
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ...) -> None: ...

class DeleteRunRequest(_message.Message):
    __slots__ = ("name", "request_id")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    name: str
    request_id: str
    def __init__(self, name: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class DeleteRunResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Checkpoint(_message.Message):
    __slots__ = ("name", "stage", "step", "weights_sha256")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_SHA256_FIELD_NUMBER: _ClassVar[int]
    name: str
    stage: int
    step: int
    weights_sha256: str
    def __init__(self, name: _Optional[str] = ..., stage: _Optional[int] = ..., step: _Optional[int] = ..., weights_sha256: _Optional[str] = ...) -> None: ...

class ListCheckpointsRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListCheckpointsResponse(_message.Message):
    __slots__ = ("checkpoints", "next_page_token")
    CHECKPOINTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    checkpoints: _containers.RepeatedCompositeFieldContainer[Checkpoint]
    next_page_token: str
    def __init__(self, checkpoints: _Optional[_Iterable[_Union[Checkpoint, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ExportCheckpointRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ExportCheckpointResponse(_message.Message):
    __slots__ = ("path", "offset", "data", "sha256")
    PATH_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    path: str
    offset: int
    data: bytes
    sha256: str
    def __init__(self, path: _Optional[str] = ..., offset: _Optional[int] = ..., data: _Optional[bytes] = ..., sha256: _Optional[str] = ...) -> None: ...
