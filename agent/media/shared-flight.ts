/** Work that several callers want at once: done once, and given up only when all of them have gone. */
export interface Flights<Request, Result> {
  /**
   * Joins the flight of that key, or starts it. `take` runs for every caller before the flight's own hold on the
   * result ends. Rejects with the signal's reason as soon as it is aborted.
   */
  join<Taken>(
    key: string,
    request: Request,
    take: (result: Result, isFirst: boolean) => Taken,
    signal: AbortSignal,
  ): Promise<Taken>;
  /** Resolves when the flights that everybody has left are over. */
  givenUp(): Promise<void>;
  /** Resolves when no flight is under way any more. */
  settled(): Promise<void>;
}

interface Flight<Result> {
  readonly result: Promise<Result>;
  readonly controller: AbortController;
  readonly settled: Promise<unknown>;
  waiting: number;
  landed?: { readonly value: Result };
}

/** `letGo` ends the flight's own hold on a result, once per flight that had one. */
export function shareFlights<Request, Result>(
  run: (request: Request, signal: AbortSignal) => Promise<Result>,
  letGo: (result: Result) => void,
): Flights<Request, Result> {
  const flights = new Map<string, Flight<Result>>();
  const underway = new Set<Flight<Result>>();

  const start = (key: string, request: Request): Flight<Result> => {
    const controller = new AbortController();
    const result = run(request, controller.signal);
    const settled = result
      .then(
        (value) => {
          flight.landed = { value };
          // Everybody left while it landed: nobody else will let go.
          if (flight.waiting === 0) letGo(value);
        },
        () => undefined,
      )
      .finally(() => {
        underway.delete(flight);
        if (flights.get(key) === flight) flights.delete(key);
      });
    const flight: Flight<Result> = { result, controller, settled, waiting: 0 };
    flights.set(key, flight);
    underway.add(flight);
    return flight;
  };

  return {
    async join(key, request, take, signal) {
      signal.throwIfAborted();
      const known = flights.get(key);
      const flight = known ?? start(key, request);
      flight.waiting += 1;
      try {
        return take(await orAborted(flight.result, signal), known === undefined);
      } finally {
        flight.waiting -= 1;
        if (flight.waiting === 0) {
          // A later caller must start anew: this one is being given up.
          if (flights.get(key) === flight) flights.delete(key);
          if (flight.landed === undefined) flight.controller.abort(new Error('nobody wants it any more'));
          else letGo(flight.landed.value);
        }
      }
    },
    async givenUp() {
      await settlingOf([...underway].filter((flight) => flight.waiting === 0));
    },
    async settled() {
      await settlingOf([...underway]);
    },
  };
}

async function settlingOf(flights: readonly Flight<unknown>[]): Promise<void> {
  await Promise.all(flights.map((flight) => flight.settled));
}

/** Waits no longer than the signal lets it: rejects with its reason then, and what was awaited goes on. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
