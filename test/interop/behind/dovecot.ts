/** Dovecot in front of the server: an instance of its own, on loopback ports, with the settings of a page. */
import { chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { Service, directory, find } from "./service.js";

/** Why Dovecot cannot be started; `undefined` where it can. */
export function dovecotMissing(): string | undefined {
  const path = find("dovecot");
  const programs = ["lmtp", "submission", "submission-login"];
  if (path === undefined || !programs.every((name) => existsSync(`/usr/lib/dovecot/${name}`))) {
    return "dovecot is not installed (Debian: apt-get install dovecot-core dovecot-lmtpd dovecot-submissiond)";
  }
  const version = output(path, "--version");
  if (!version.startsWith("2.3.")) return `dovecot is ${version}, and the pages have the settings of 2.3`;
  // Its processes change to the users dovecot and dovenull.
  return process.getuid?.() === 0 ? undefined : "only root can start dovecot";
}

function output(...command: string[]): string {
  return Bun.spawnSync(command).stdout.toString().trim();
}

/** The settings that a page shows behind `# dovecot.conf: <title>`. */
function settingsOf(page: string, title: string): string {
  const text = readFileSync(new URL(`../../../docs/guide/${page}.md`, import.meta.url), "utf8");
  const marker = `\`\`\`\n# dovecot.conf: ${title}\n`;
  const start = text.indexOf(marker);
  if (start < 0) throw new Error(`${page}.md has no dovecot.conf: ${title}`);
  return text.slice(start + marker.length, text.indexOf("```", start + marker.length));
}

/** What a test starts. */
export interface DovecotOptions {
  page: string;
  title: string;
  /** Ports of the page, and those of the test in their place. */
  ports: Readonly<Record<number, number>>;
  /** Further settings. */
  more?: string;
}

/** Starts Dovecot; it takes connections when it is there. Any user name has the password `secret`. */
export async function startDovecot({ page, title, ports, more = "" }: DovecotOptions): Promise<Service> {
  const path = directory();
  for (const name of ["run", "state", "home"]) mkdirSync(`${path}/${name}`);
  const mail = Number(output("id", "-u", "mail"));
  chownSync(`${path}/home`, mail, mail);
  const settings = settingsOf(page, title).replace(/(port ?= ?)(\d+)/g, (_, name: string, port: string) => {
    const own = ports[Number(port)];
    if (own === undefined) throw new Error(`${page}.md has a port ${port} that the test does not replace`);
    return `${name}${own}`;
  });
  const own = `
base_dir = ${path}/run
state_dir = ${path}/state
log_path = /dev/stderr
hostname = dovecot.test
ssl = no
disable_plaintext_auth = no
auth_failure_delay = 0
login_trusted_networks = 127.0.0.0/8
first_valid_uid = 1
mail_location = maildir:${path}/home/Maildir
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=mail gid=mail home=${path}/home
}
`;
  writeFileSync(`${path}/dovecot.conf`, `${own}${settings}${more}`);
  const dovecot = new Service(["dovecot", "-F", "-c", `${path}/dovecot.conf`]);
  await dovecot.logged(/starting up for/);
  return dovecot;
}
