/** The parameters of each hook; the last one is its callback. */
export const HOOKS = {
  onConnect: ["session", "callback"],
  onHelo: ["session", "callback"],
  onSecure: ["socket", "session", "callback"],
  onAuth: ["auth", "session", "callback"],
  onMailFrom: ["address", "session", "callback"],
  onRcptTo: ["address", "session", "callback"],
  onData: ["stream", "session", "callback"],
  onClose: ["session", "callback"],
} as const;
export type HookName = keyof typeof HOOKS;

export type HookFunction = (...args: never[]) => unknown;
