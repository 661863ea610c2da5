import os from 'node:os';

/**
 * Rendering must not slow down the person at the PC. Right after the start, because on Linux a thread inherits the
 * priority that its creator has at that moment. Best effort: a process that is gone already needs none.
 */
export function lowerPriority(pid: number): void {
  try {
    os.setPriority(pid, os.constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Gone already, or not permitted: the run matters more than its priority.
  }
}
