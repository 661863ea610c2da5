/** Runs the action at the first call, and nothing at any later one: what was given back is not given back again. */
export function once(action: () => void): () => void {
  let isDue = true;
  return () => {
    if (isDue) action();
    isDue = false;
  };
}
