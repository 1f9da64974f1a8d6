/** A GPU as a training sees it. */
export interface Card {
  /** For people. */
  readonly name: string;
  /** Bytes. */
  readonly memory: number;
  /** Floating-point operations a second at most: dense products in bfloat16, and in float32 without tensor cores. */
  readonly flops: { readonly bfloat16: number; readonly float32: number };
}

const card = (name: string, gibibytes: number, bfloat16: number, float32: number): Card => ({
  name,
  memory: gibibytes * 2 ** 30,
  flops: { bfloat16: bfloat16 * 1e12, float32: float32 * 1e12 },
});

/**
 * Common cards by the name that `--gpu` takes.
 *
 * Source: the makers' data sheets; teraflops of bfloat16 are those without sparsity, on GeForce cards with sums in
 * float32. Memory is what the driver offers where that is less than what the card is sold with (L40S, H200).
 */
export const CARDS: Readonly<Record<string, Card>> = {
  "rtx-3090": card("GeForce RTX 3090", 24, 71, 35.6),
  "rtx-4090": card("GeForce RTX 4090", 24, 165.2, 82.6),
  "rtx-5090": card("GeForce RTX 5090", 31.8, 209.5, 104.8),
  a10: card("A10", 22.5, 125, 31.2),
  l4: card("L4", 22.5, 121, 30.3),
  a6000: card("RTX A6000", 48, 154.8, 38.7),
  l40s: card("L40S", 45, 362, 91.6),
  "a100-40": card("A100 40 GB", 39.5, 312, 19.5),
  "a100-80": card("A100 80 GB", 79.3, 312, 19.5),
  "h100-pcie": card("H100 PCIe", 79.6, 756, 51),
  h100: card("H100 SXM", 79.6, 989, 67),
  h200: card("H200 SXM", 139.8, 989, 67),
};

/** Share of a card's floating-point operations that a step is taken to reach, unless somebody knows better. */
export const EFFICIENCY = 0.35;
