/** RFC 9113, section 7: CANCEL. */
const http2Cancel = 8;

/**
 * Resets the HTTP/2 stream under a grpc-js server call. grpc-js has no public way to give up a call whose reader
 * takes nothing: its status waits behind the unread messages for ever (a test keeps this true). Returns false where
 * grpc-js's insides are not what they were.
 */
export function resetStream(call: object): boolean {
  const stream = member(member(call, 'call'), 'stream');
  const close = member(stream, 'close');
  if (typeof close !== 'function') return false;
  Reflect.apply(close, stream, [http2Cancel]);
  return true;
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
