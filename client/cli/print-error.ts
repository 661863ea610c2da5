import { RenderfarmError } from '../errors.ts';
import { safeText } from './format.ts';
import { jsonLine } from './json-lines.ts';
import { note, type Terminal } from './terminal.ts';

/**
 * Says what went wrong on stderr: one line for the error with its code, one for each problem. With `--json` one line of
 * JSON. A stack only where it is asked for.
 */
export function printError(terminal: Terminal, error: unknown, verbose: boolean): void {
  if (terminal.json) note(terminal, jsonLine(errorRecord(error)));
  else for (const line of errorLines(error)) note(terminal, line);
  if (verbose && error instanceof Error) note(terminal, error.stack ?? String(error));
}

/** `renderfarm: my.json has 2 problems [INVALID_JOB_FILE]`, then the problems. */
export function errorLines(error: unknown): readonly string[] {
  if (!(error instanceof RenderfarmError)) {
    const message = error instanceof Error ? error.message : String(error);
    return [`renderfarm: ${safeText(message)} [INTERNAL] (--verbose shows where)`];
  }
  const unlisted = error.violationCount - error.violations.length;
  return [
    `renderfarm: ${safeText(error.message)} [${error.code}]`,
    ...error.violations.map(({ field, description }) =>
      safeText(field === '' ? `  ${description}` : `  ${field}: ${description}`),
    ),
    ...(unlisted > 0 ? [`  ... and ${unlisted} more`] : []),
  ];
}

function errorRecord(error: unknown): unknown {
  const event = 'error';
  if (!(error instanceof RenderfarmError)) {
    return { event, code: 'INTERNAL', message: error instanceof Error ? error.message : String(error) };
  }
  const { code, message, status, violations, violationCount, resource, retryAfterMs } = error;
  return { event, code, message, status, violations, violationCount, resource, retryAfterMs };
}
