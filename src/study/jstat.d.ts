/** The part of jstat that is used; the package comes without types. */
declare module "jstat" {
  const jstat: {
    readonly studentt: {
      /** Quantile of Student's t distribution; the degrees of freedom need not be whole. */
      inv(share: number, freedom: number): number;
    };
  };
  // A CommonJS module, of which plain Node finds no named exports.
  export default jstat;
}
