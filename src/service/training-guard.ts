import { trainingJsonSchema } from "../run-file/training-schema.js";
import type { FieldViolation } from "./faults.js";

/**
 * Settings of a client's training that are the operator's to choose, since they have code of a model run, reach other
 * services or read files of the machine: those that Python marks so, and those that this version does not know.
 *
 * @param training - As it was given; its values are checked elsewhere.
 */
export function operatorsSettings(training: unknown): FieldViolation[] {
  if (typeof training !== "object" || training === null) return [];
  return Object.entries(training).flatMap(([name, value]): FieldViolation[] => {
    const field = `settings.training.${name}`;
    const schema = Object.hasOwn(trainingJsonSchema.properties, name) ? trainingJsonSchema.properties[name] : undefined;
    if (schema === undefined) return [{ field, description: "there is no such setting: leave it out" }];
    const allowed = schema["x-clients"];
    if (allowed === undefined || allowed.some((one) => one === value)) return [];
    const others = allowed.filter((one) => one !== null).map((one) => JSON.stringify(one));
    const expected = others.length === 0 ? "" : `, or set one of ${others.join(", ")}`;
    return [{ field, description: `is the operator's to choose; leave it out${expected}` }];
  });
}
