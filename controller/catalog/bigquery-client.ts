import { BigQuery } from '@google-cloud/bigquery';
import { PassThroughClient } from 'google-auth-library';
import type { BigQuerySettings } from '../domain/settings.ts';

/**
 * The client library, with the credentials that are configured.
 * @param maxRetries of what BigQuery says can be tried again, within `timeoutMs`
 */
export function bigQueryClient(
  { projectId, keyFile, apiEndpoint, timeoutMs }: BigQuerySettings,
  maxRetries: number,
): BigQuery {
  return new BigQuery({
    projectId,
    retryOptions: { autoRetry: maxRetries > 0, maxRetries, totalTimeout: timeoutMs / 1_000 },
    ...(keyFile !== undefined && { keyFilename: keyFile }),
    // An emulator or a stand-in: our credentials are none of its business.
    ...(apiEndpoint !== undefined && { apiEndpoint, authClient: new PassThroughClient() }),
  });
}

/** The first line of what the library says: of a refusal it can be a page of HTML. */
export function firstLine(text: string): string {
  const [line = ''] = text.split('\n');
  return line.slice(0, 300);
}
