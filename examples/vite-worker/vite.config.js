/** With these headers browsers share memory between threads; without them all works, on one. Your host is to send them, too. */
const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

export default { base: "./", server: { headers }, preview: { headers } };
