import type { Interval } from "../numbers/statistics.js";

/** Stands where a figure is undefined. */
export const UNDEFINED = "–";

/** A percentage without its sign, for example 12.34 as "12.3". */
export function percentage(percent: number | null): string {
  return percent === null || !Number.isFinite(percent) ? UNDEFINED : percent.toFixed(1);
}

/** An interval of percentages, for example "11.0–13.6". */
export function percentageInterval(interval: Interval | null): string {
  return interval === null ? "" : `${percentage(interval[0])}–${percentage(interval[1])}`;
}

/** A number with three significant digits, for example "0.0123", "12.3", "5e-7". */
export function short(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return UNDEFINED;
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e5)
    return value
      .toExponential(2)
      .replace(/\.?0+e/, "e")
      .replace("e+", "e")
      .replace("-", "−");
  return String(Number(value.toPrecision(3))).replace("-", "−");
}

/** A number with two decimals and a real minus sign. */
export function signed(value: number): string {
  return Number.isFinite(value) ? `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}` : UNDEFINED;
}

/** A span of time, for example "3 min 20 s". */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return UNDEFINED;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
