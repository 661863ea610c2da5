/** How much work a plan may do before it pauses: the shell's measure is time, a test's a count. */
export interface PlanBudget {
  /** Takes the cost of a step (agents that are looked at); false: pause now, and go on in a later turn. */
  spend(operations: number): boolean;
}

export const unlimitedBudget: PlanBudget = { spend: () => true };

/** As many operations as are given, for one turn. */
export function countedBudget(operationsMax: number): PlanBudget {
  let left = operationsMax;
  return {
    spend(operations) {
      left -= operations;
      return left > 0;
    },
  };
}

/** What is spent between two looks at the clock: one costs about a tenth of a microsecond, an operation one to ten. */
const operationsPerLook = 64;

/** Until so much time has passed since it was made. */
export function timedBudget(maxMs: number, clockMs: () => number): PlanBudget {
  const endMs = clockMs() + maxMs;
  let unseen = 0;
  let over = false;
  return {
    spend(operations) {
      unseen += operations;
      if (!over && unseen >= operationsPerLook) {
        unseen = 0;
        over = clockMs() >= endMs;
      }
      return !over;
    },
  };
}
