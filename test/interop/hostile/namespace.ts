/** A network of its own for clients, which can be cut off from one moment to the next. Wants Linux, iproute2 and root. */
import { find } from "../behind/service.js";

/** Of RFC 2544's range for tests, which no network uses. */
const SERVER = "198.18.25.1";
const CLIENT = "198.18.25.2";
const NAME = `bun-smtp-${process.pid}`;
const [NEAR, FAR] = [`smtp${process.pid}a`, `smtp${process.pid}b`];

function ip(command: string): boolean {
  return Bun.spawnSync([find("ip") ?? "ip", ...command.split(" ")], { stderr: "ignore" }).success;
}

/** Why there can be none; `undefined` where there can. */
export function namespaceMissing(): string | undefined {
  if (find("ip") === undefined) return "ip is not installed (Debian: apt-get install iproute2)";
  const isAllowed = ip(`netns add ${NAME}`) && ip(`link add ${NEAR} type veth peer name ${FAR}`);
  ip(`link del ${NEAR}`);
  ip(`netns del ${NAME}`);
  return isAllowed ? undefined : "network namespaces are not allowed here";
}

/** Clients that are started in it reach the server's address and nothing else. */
export class Namespace implements Disposable {
  /** Where the server is to listen. */
  readonly server: string = SERVER;
  /** What starts a program in it. */
  readonly enter: readonly string[] = [find("ip") ?? "ip", "netns", "exec", NAME];

  constructor() {
    const commands = [
      `netns add ${NAME}`,
      `link add ${NEAR} type veth peer name ${FAR} netns ${NAME}`,
      `addr add ${SERVER}/30 dev ${NEAR}`,
      `link set ${NEAR} up`,
      `-n ${NAME} addr add ${CLIENT}/30 dev ${FAR}`,
      `-n ${NAME} link set ${FAR} up`,
    ];
    for (const command of commands) if (!ip(command)) throw new Error(`ip ${command} failed`);
  }

  /** From now on nothing leaves it: no FIN, no RST, no acknowledgement. */
  cutOff(): void {
    if (!ip(`-n ${NAME} route add blackhole ${SERVER}/32`)) throw new Error("the route was not cut");
  }

  [Symbol.dispose](): void {
    ip(`netns del ${NAME}`);
    // Else it stays as long as a socket of the clients that were killed.
    ip(`link del ${NEAR}`);
  }
}
