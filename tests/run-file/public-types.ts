import { expectTypeOf } from "expect-type";
import {
  openRun,
  prepareRun,
  resumeRun,
  startRun,
  type ErrorCode,
  type PreparedRun,
  type ResumeRunOptions,
  type RunDescription,
  type RunEvent,
  type RunExistsError,
  type RunFailedError,
  type RunHandle,
  type RunNotFoundError,
  type RunPolicies,
  type RunSettings,
  type RunStatus,
  type RunSummary,
  type ScpoError,
  type SequencedEvent,
  type SettingsError,
  type StartRunOptions,
  type TrainerExitedError,
  type UserError,
} from "../../src/index.js";

// Compiled by the type check, never run: what a caller may rely on.

expectTypeOf<Parameters<typeof startRun>>().toEqualTypeOf<
  [settings: RunSettings | string, options?: StartRunOptions | undefined]
>();
// A training that somebody else starts brings model and pairs along, and only where there is something to dial.
expectTypeOf(startRun).toBeCallableWith({ id: "directed" }, { listen: { listen: "127.0.0.1:50053" } });
// @ts-expect-error nothing listens
void startRun({ id: "directed" }, {});
expectTypeOf(startRun).returns.resolves.toEqualTypeOf<RunHandle>();
expectTypeOf(resumeRun).parameters.toEqualTypeOf<[directory: string, options?: ResumeRunOptions | undefined]>();
expectTypeOf(resumeRun).returns.resolves.toEqualTypeOf<RunHandle>();
expectTypeOf(openRun).parameters.toEqualTypeOf<[directory: string]>();
expectTypeOf(openRun).returns.resolves.toEqualTypeOf<RunHandle>();
expectTypeOf(prepareRun).returns.resolves.toEqualTypeOf<PreparedRun>();

expectTypeOf<StartRunOptions>().toExtend<ResumeRunOptions>();
expectTypeOf<StartRunOptions["policies"]>().toEqualTypeOf<RunPolicies | undefined>();
expectTypeOf<StartRunOptions["signal"]>().toEqualTypeOf<AbortSignal | undefined>();

// Two fields are enough; a wrong kind of value is none.
expectTypeOf<{
  model: string;
  data: { pairs: string };
}>().toExtend<RunSettings>();
expectTypeOf<{ model: string }>().not.toExtend<RunSettings>();
expectTypeOf<{ learning_rate: number; lora_r: number }>().toExtend<NonNullable<RunSettings["training"]>>();
expectTypeOf<{ learning_rate: string }>().not.toExtend<NonNullable<RunSettings["training"]>>();
expectTypeOf<NonNullable<RunSettings["training"]>["seed"]>().toEqualTypeOf<number | undefined>();
expectTypeOf<RunSettings["model"]>().toEqualTypeOf<string>();
// `any` anywhere would make all of the above hold.
expectTypeOf<RunSettings>().not.toBeAny();
expectTypeOf<NonNullable<RunSettings["curriculum"]>["policy"]>().not.toBeAny();
expectTypeOf<NonNullable<RunSettings["backend"]>["kind"]>().toEqualTypeOf<
  "embedded" | "launched" | "remote" | "dialled"
>();

expectTypeOf<RunHandle>().toExtend<AsyncIterable<RunEvent>>();
expectTypeOf<RunHandle["result"]>().returns.resolves.toEqualTypeOf<RunSummary>();
expectTypeOf<RunHandle["cancel"]>().parameters.toEqualTypeOf<[reason?: string | undefined]>();
expectTypeOf<RunHandle["cancel"]>().returns.resolves.toEqualTypeOf<void>();
expectTypeOf<RunHandle["pause"]>().returns.resolves.toEqualTypeOf<void>();
expectTypeOf<RunHandle["describe"]>().returns.resolves.toEqualTypeOf<RunDescription>();
expectTypeOf<RunHandle["events"]>().returns.toEqualTypeOf<AsyncIterable<SequencedEvent>>();
expectTypeOf<RunDescription["status"]>().toEqualTypeOf<RunStatus>();
expectTypeOf<Extract<RunEvent, { type: "step" }>["report"]["loss"]>().toEqualTypeOf<number>();

expectTypeOf<ScpoError>().toExtend<Error>();
expectTypeOf<ScpoError["code"]>().toEqualTypeOf<ErrorCode>();
expectTypeOf<RunExistsError>().toExtend<UserError>();
expectTypeOf<RunNotFoundError>().toExtend<UserError>();
expectTypeOf<SettingsError>().toExtend<UserError>();
expectTypeOf<RunFailedError>().toExtend<ScpoError>();
expectTypeOf<TrainerExitedError>().toExtend<ScpoError>();
expectTypeOf<SettingsError["problems"][number]["field"]>().toEqualTypeOf<string>();
