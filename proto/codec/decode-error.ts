/** Why a message was refused. Stable: peers and tests compare it. */
export type DecodeErrorCode = 'MALFORMED' | 'MISSING' | 'OUT_OF_RANGE' | 'UNKNOWN_VALUE' | 'TOO_MANY';

/**
 * A message that cannot be taken into our words. `field` is its path in the .proto's own names
 * (`hello.inventory.gpus[0].memory_bytes`).
 */
export class DecodeError extends Error {
  readonly code: DecodeErrorCode;
  readonly field: string;

  constructor(
    code: DecodeErrorCode,
    field: string,
    expected: string,
    options?: { readonly cause?: unknown },
  ) {
    super(`${field}: ${expected}`, options);
    this.name = 'DecodeError';
    this.code = code;
    this.field = field;
  }
}
