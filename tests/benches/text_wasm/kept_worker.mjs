// The Worker that opens a store of ours for a page, where files are read in place.

import { openKept } from './kept.mjs';

const host = { ours: () => import('/dist/index.js') };

globalThis.onmessage = async ({ data: { bytes, asked } }) => {
  try {
    globalThis.postMessage({ times: await openKept(host, bytes, asked) });
  } catch (error) {
    globalThis.postMessage({ error: String(error) });
  }
};
