import { resolve } from "node:path";
import { UserError } from "../errors.js";
import type { Listen } from "../run-file/read.js";

/** Where `scpo direct` listens, out of its flags. */
export function listenOf(flags: {
  listen: string;
  tokenFile: string | undefined;
  tlsCertificate: string | undefined;
  tlsKey: string | undefined;
}): Listen {
  const { listen, tokenFile, tlsCertificate: certificate, tlsKey: key } = flags;
  if ((certificate === undefined) !== (key === undefined)) {
    throw new UserError("--tls-certificate, --tls-key: found one without the other, expected both: give both files");
  }
  return {
    listen,
    ...(tokenFile === undefined ? {} : { token: { file: resolve(tokenFile) } }),
    ...(certificate === undefined || key === undefined
      ? {}
      : { tls: { certificate: resolve(certificate), key: resolve(key) } }),
  };
}
