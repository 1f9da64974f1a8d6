/** How the pairs of an optimiser step are passed through the model. */
export interface MicroBatch {
  readonly batchSize: number;
  readonly gradientAccumulationSteps: number;
}

/** At most half as many pairs a pass, and the same number a step; null when a pass has one pair already. */
export function smallerMicroBatch({ batchSize, gradientAccumulationSteps }: MicroBatch): MicroBatch | null {
  const perStep = batchSize * gradientAccumulationSteps;
  for (let size = Math.floor(batchSize / 2); size >= 1; size--) {
    if (perStep % size === 0) return { batchSize: size, gradientAccumulationSteps: perStep / size };
  }
  return null;
}
