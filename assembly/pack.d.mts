export function pack(bytes: Uint8Array): Uint8Array;
