/** A parameter's type, and its value, as REST has them. */
export interface SentParameter {
  readonly name: string;
  readonly parameterType: { readonly type: string; readonly arrayType?: { readonly type: string } };
  readonly parameterValue: {
    readonly value?: string | number | null;
    readonly arrayValues?: readonly { readonly value: string }[];
  };
}

/** An error as BigQuery tells it. */
export class RestError extends Error {
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}
