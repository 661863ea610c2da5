import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { given } from './config-given.ts';

const flags = {
  config: { type: 'string' },
  listen: { type: 'string', multiple: true },
  advertise: { type: 'string', multiple: true },
  'tls-cert': { type: 'string' },
  'tls-key': { type: 'string' },
  'tls-ca': { type: 'string' },
  'token-file': { type: 'string' },
  data: { type: 'string' },
  logs: { type: 'string' },
  'time-scale': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** What `--help` prints. */
export const usage = `Usage: npm start -- --config FILE [options]

  --config FILE        the configuration (YAML; docs/configuration.md)
  --listen HOST:PORT   gRPC address; can be repeated
  --advertise HOST:PORT  where others reach this controller; can be repeated
  --tls-cert FILE      certificate chain (PEM)
  --tls-key FILE       its key (PEM)
  --tls-ca FILE        callers must show a certificate that it signed (PEM)
  --token-file FILE    file that holds the token that callers must show
  --data FOLDER        folder of the farm's database
  --logs FOLDER        folder of the job logs
  --time-scale N       multiplies every time limit, for tests

Flags win over the file. FARM_CONFIG and FARM_TOKEN in the environment stand for --config and the token.
`;

export interface Flags {
  readonly help: boolean;
  readonly configFile: string | undefined;
  /** What the flags say, as the configuration file would; paths are absolute. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly tls: Readonly<Record<string, string>>;
}

/** @throws TypeError for a flag that there is not, or that misses its value */
export function parseFlags(argv: readonly string[], folder: string): Flags {
  const { values } = parseArgs({ args: [...argv], options: flags, strict: true, allowPositionals: false });
  const at = (path: string | undefined): string | undefined =>
    path === undefined ? path : resolve(folder, path);
  return {
    help: values.help === true,
    configFile: at(values.config),
    settings: given({
      listen: values.listen,
      advertise: values.advertise,
      tokenFile: at(values['token-file']),
      dataDir: at(values.data),
      logsDir: at(values.logs),
      timeScale: values['time-scale'] === undefined ? undefined : Number(values['time-scale']),
    }),
    tls: given({ cert: at(values['tls-cert']), key: at(values['tls-key']), ca: at(values['tls-ca']) }),
  };
}
