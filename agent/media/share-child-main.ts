// The share child as a process. In the single executable agent/main.ts calls serveShareOperations itself.
import { flushCompileCache } from 'node:module';
import { serveShareOperations } from './share-child.ts';

// Now: most children are killed, and what is kept at the end of a process they would never keep.
flushCompileCache();
void serveShareOperations(process.stdin, process.stdout).then(() => process.exit(0));
