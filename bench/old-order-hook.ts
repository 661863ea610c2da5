// Loaded before an agent (`--import`): its attempts do their steps in the old order.
import { registerHooks } from 'node:module';

registerHooks({
  resolve(specifier, context, next) {
    const isOurs =
      specifier.endsWith('/prepare-and-render.ts') && context.parentURL?.includes('/attempt/') === true;
    return isOurs ? next(new URL('old-order.ts', import.meta.url).href, context) : next(specifier, context);
  },
});
