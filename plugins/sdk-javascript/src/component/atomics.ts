/** `node-inspect-extracted` collects the functions of `Atomics` when it is loaded, which engines without threads do not have. */
(globalThis as { Atomics?: object }).Atomics ??= {};
