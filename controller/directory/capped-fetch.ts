/** A page of rows, or a job with all its items, is far below this; what is above it was not written by a web application. */
const answerBytesMax = 16 * 2 ** 20;

export const answerTooLarge = `the rows of this job have over ${answerBytesMax} bytes`;

/** `fetch` that gives up an answer which nobody could hold. */
export const cappedFetch: typeof fetch = async (input, init) => {
  const response = await fetch(input, init);
  if (response.body === null) return response;
  let bytes = 0;
  const counted = response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        bytes += chunk.byteLength;
        if (bytes > answerBytesMax) controller.error(new Error(answerTooLarge));
        else controller.enqueue(chunk);
      },
    }),
  );
  const { status, statusText, headers } = response;
  return new Response(counted, { status, statusText, headers });
};
