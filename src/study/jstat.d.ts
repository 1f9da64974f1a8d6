/** The part of jstat that is used; the package comes without types. */
declare module "jstat" {
  export const jStat: {
    readonly studentt: {
      /** Quantile of Student's t distribution; the degrees of freedom need not be whole. */
      inv(share: number, freedom: number): number;
    };
  };
}
