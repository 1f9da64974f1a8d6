/** SCPO from TypeScript: boot a trainer, plan stages, direct a run, score answers to benchmarks. */
export { ScpoError, UserError, type ErrorCode } from "./errors.js";
export { bootEmbedded, type EmbeddedOptions } from "./backend/embedded.js";
export { openTrainer } from "./backend/open-trainer.js";
export { backendSettings, type BackendInput, type BackendSettings } from "./backend/settings.js";
export { TrainerExitedError, type OpenTrainerOptions, type Trainer, type TrainerExit } from "./backend/trainer.js";
export type {
  Curriculum,
  CurriculumPair,
  CurriculumPlan,
  CurriculumRun,
  CurriculumStage,
  CurriculumState,
  NextPairs,
  PairDraw,
  Promote,
  Promotion,
} from "./curriculum/curriculum.js";
export { cutStages, stagesByBounds } from "./curriculum/stages.js";
export { curriculumPolicy, curriculumPolicyNames, type CurriculumSettings } from "./curriculum/registry.js";
export { gradeFile, type GradedFile, type GradeFilePhase, type GradeFileRequest } from "./difficulty/grade-file.js";
export {
  type GradedPairsFile,
  gradePairsFile,
  type GradePairsFileRequest,
  type MeasuredSignals,
} from "./difficulty/grade-pairs-file.js";
export {
  type CheckedGrading,
  DEFAULT_SIGNALS,
  type Grading,
  type SignalName,
  type SignalUse,
  type SignalUses,
} from "./difficulty/grading.js";
export { type ScoredFile, scoreFile, type ScoreFileRequest } from "./difficulty/score-file.js";
export { WordNet } from "./english/wordnet.js";
export type { Benchmark, Metric, Mode, OpenOptions, Scored, Scorer } from "./evaluation/benchmark.js";
export { checkFiles, type FileCheck } from "./evaluation/benchmark-files.js";
export { compareResults, type EvalComparison, type NamedResult } from "./evaluation/compare.js";
export { readEvalResult, writeEvalResult, type EvalResult } from "./evaluation/eval-result.js";
export { judgeFromOptions, type Judge, type JudgeOptions } from "./evaluation/judge.js";
export { BENCHMARKS, benchmarkNamed } from "./evaluation/registry.js";
export { score, type ScoreRequest } from "./evaluation/score.js";
export type { ContrastPair, ContrastPairText } from "./pairs/contrast-pair.js";
export { readPairs, writePairs } from "./pairs/pair-rows.js";
export { sha256File } from "./files/sha256.js";
export { applyDecisions, type AppliedDecisions, type ApplyDecisionsRequest } from "./review/apply-decisions.js";
export { readDecisions, type Decision } from "./review/decisions-file.js";
export { viewPairs, type PairsView, type ViewPairsOptions } from "./review/view-pairs.js";
export type { Verdict } from "./review/wire.js";
export type { ReferenceAtOpen, ReferenceMove, ReferencePolicy, ReferenceState } from "./reference/reference.js";
export { referencePolicy, referencePolicyNames, type ReferenceSettings } from "./reference/registry.js";
export { direct, type DirectOptions } from "./run/direct.js";
export type { Evaluation, PhaseName, RunEvent, RunOutcome, SequencedEvent } from "./run/log/entries.js";
export type { JsonValue, RunPlan, StagePlan, WeightedLoss } from "./run/plan.js";
export type { Choice, Decide, EndStagePolicy, RunPolicies, TrainingState } from "./run/policies.js";
export type { RunSummary, StageSummary } from "./run/read-run.js";
export type { SavedCheckpoint } from "./run/log/entries.js";
export type { EventsOptions, RunHandle } from "./run/handle.js";
export type { RunDescription, RunStatus } from "./run/read-run.js";
export { LossNotFiniteError, RunFailedError } from "./run/failures.js";
export { SettingsError, type SettingsProblem } from "./run-file/problems.js";
export { runJsonSchema } from "./run-file/json-schema.js";
export type { JsonSchema, TrainingInput, TrainingSettings } from "./run-file/training-schema.js";
export type { Position } from "./run-file/position.js";
export type { DirectedRunSettings, RunSettings } from "./run-file/schema.js";
export { RunExistsError, RunNotFoundError } from "./run-file/settings-folder.js";
export {
  type DirectRunOptions,
  openRun,
  prepareRun,
  type PreparedRun,
  resumeRun,
  type ResumeRunOptions,
  startRun,
  type StartRunOptions,
} from "./run-file/start-run.js";
export { readRecordedRun, type RecordedRun } from "./simulate/recorded-run.js";
export { simulate, type SimulatedPolicies, type Simulation } from "./simulate/simulate.js";
export type { StepReport } from "./generated/scpo/v1/trainer.js";
export { connectRuns, runStateName, type RunServiceConnection, type RunServiceOptions } from "./service/client.js";
export { serve, type ServeOptions, type ServingRuns } from "./service/serve.js";
export type { ServiceLimits } from "./service/limits.js";
export type { TlsFiles } from "./backend/listen.js";
