/**
 * Whole STARTTLS sessions a second (connect, EHLO, STARTTLS, handshake, QUIT), beside a bare upgradeTLS loop
 * and smtp-server, all with the same P-256 certificate. `bun starttls.ts [--sessions 600] [--rounds 3]`
 */
import { Client } from "./client.js";
import {
  bare,
  certificate,
  column,
  expectBound,
  finish,
  flag,
  ours,
  smtpServer,
  type Server,
} from "./harness.js";

const AT_A_TIME = 10;
const sessions = flag("sessions", 600);

async function session(port: number): Promise<void> {
  const client = await Client.open(port);
  await client.command("EHLO bench");
  await client.startTLS();
  await client.command("QUIT");
  client.close();
}

async function measure(server: Server): Promise<{ rate: number; cpu: number }> {
  const cpu = server.cpu();
  const since = performance.now();
  let left = sessions;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await session(server.port);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  return {
    rate: sessions / ((performance.now() - since) / 1000),
    cpu: ((server.cpu() - cpu) / sessions) * 1000,
  };
}

const peers = [
  await bare(true),
  await ours({ options: certificate }),
  await smtpServer("bun", true),
  await smtpServer("node", true),
];
const servers = peers.filter((server): server is Server => server !== undefined);
const best = new Map<string, { rate: number; cpu: number }>();
for (let round = 0; round <= flag("rounds", 3); round++) {
  for (const server of servers) {
    const { rate, cpu } = await measure(server);
    const before = best.get(server.name) ?? { rate: 0, cpu: Infinity };
    // The first round only warms up.
    if (round > 0)
      best.set(server.name, { rate: Math.max(before.rate, rate), cpu: Math.min(before.cpu, cpu) });
  }
}
console.log(`${"".padEnd(22)}sessions/s  ms CPU each`);
for (const [name, { rate, cpu }] of best) console.log(`${name.padEnd(22)}${column(rate)}${column(cpu)}`);
const ratio = (best.get("bun-smtp")?.rate ?? NaN) / (best.get("bare loop")?.rate ?? NaN);
expectBound(`STARTTLS sessions / bare upgradeTLS loop: ${ratio.toFixed(2)}, at least 0.9`, ratio >= 0.9);
for (const server of servers) await server.stop();
finish();
