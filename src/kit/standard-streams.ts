import { dlopen, FFIType } from "bun:ffi";

const STDOUT = 1;
const STDERR = 2;

/** Has what this process writes to standard output and error go to the file that is open as `fd`. */
export function pointStandardStreamsTo(fd: number): void {
  const libc = dlopen("libc.so.6", { dup2: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 } });
  for (const stream of [STDOUT, STDERR]) libc.symbols.dup2(fd, stream);
}
