// Runs before every script, under whatever Node the machine has: plain JavaScript, so that even an old one gets as
// far as the message. npm puts node_modules/.bin, and with it our pinned Node, first on PATH.
'use strict';

const wanted = 24;
const major = Number(process.versions.node.split('.')[0]);

if (major !== wanted) {
  console.error(
    `This project runs on Node ${wanted}, but "node" is ${process.versions.node} (${process.execPath}).\n` +
      `"npm ci" installs the pinned one into node_modules/.bin. Start things with "npm run ...", or put\n` +
      `node_modules/.bin first on PATH. If node_modules/.bin/node is missing, "npm ci" ran without install scripts.`,
  );
  process.exit(1);
}
