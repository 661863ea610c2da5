// The share child as a process. In the single executable agent/main.ts calls serveShareOperations itself.
import { serveShareOperations } from './share-child.ts';

void serveShareOperations(process.stdin, process.stdout).then(() => process.exit(0));
