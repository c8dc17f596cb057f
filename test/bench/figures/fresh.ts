/** What a process costs that has just started, while JavaScript is compiled, and what it has taken by the end. */
import { ALL, type Figure } from "../figure.js";
import { send, type Load } from "../load.js";

const load: Load = { messages: 1000, length: 4096, clients: 20 };
/** As many as warm a server up for the other figures. */
const MANY: Load = { ...load, messages: 70_000 };

const common = { servers: ALL, setup: {}, fresh: true, warmUp: () => Promise.resolve() };

export const fresh: readonly Figure[] = [
  {
    ...common,
    name: "the first 1000 messages, 4 kB, 20 clients",
    unit: "messages/s",
    async measure(server) {
      const { seconds, cpu } = await send(server, load);
      return { value: load.messages / seconds, cpu: (cpu / load.messages) * 1e6, busy: cpu / seconds };
    },
  },
  {
    ...common,
    name: "resident memory after 70 000 messages of 4 kB",
    unit: "MB",
    async measure(server) {
      await send(server, MANY);
      return { value: server.rss() / 1e6 };
    },
  },
];
