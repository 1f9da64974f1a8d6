/** Maps values of a domain onto positions of a range. */
export interface Scale {
  domain: readonly [number, number];
  at: (value: number) => number;
  /** Round values inside the domain. */
  ticks: number[];
}

/**
 * A linear scale whose domain is widened to round values.
 *
 * @param values - The domain must hold all finite ones.
 * @param range - Positions of the domain's ends, in pixels.
 * @param options - `ticks`: about how many; `exact`: keep the domain as the values give it.
 */
export function linearScale(
  values: readonly number[],
  range: readonly [number, number],
  options: { ticks?: number; exact?: boolean } = {},
): Scale {
  const finite = values.filter(Number.isFinite);
  let low = finite.reduce((least, value) => Math.min(least, value), Infinity);
  let high = finite.reduce((most, value) => Math.max(most, value), -Infinity);
  if (low > high) [low, high] = [0, 1];
  const size = Math.max(Math.abs(low), Math.abs(high));
  // Below this the steps between ticks would vanish in rounding.
  if (high - low <= size * 1e-9 || size < 1e-100) {
    [low, high] = size < 1e-100 ? [0, 1] : [low - size / 2, high + size / 2];
  }
  const step = roundStep((high - low) / (options.ticks ?? 5));
  if (options.exact !== true) {
    low = Math.floor(low / step + 1e-9) * step;
    high = Math.ceil(high / step - 1e-9) * step;
  }
  const ticks: number[] = [];
  for (let tick = Math.ceil(low / step - 1e-9); tick * step <= high + step * 1e-9; tick++) {
    ticks.push(Number((tick * step).toPrecision(12)));
  }
  const at = (value: number): number => range[0] + ((value - low) / (high - low)) * (range[1] - range[0]);
  return { domain: [low, high], at, ticks };
}

function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 2.5, 5, 10].find((each) => each * power >= rough * 0.999) ?? 10;
  return factor * power;
}
