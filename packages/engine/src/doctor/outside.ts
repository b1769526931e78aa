/**
 * The doctor's own ways out of the process: a dial to another node (with TLS the handshake, then nothing), and one read of
 * the Alertmanager's status. Each ends within its deadline, and nothing is sent that could change anything.
 */
import { connect, isIP } from "node:net";
import type { Socket } from "node:net";
import { connect as connectSecurely } from "node:tls";
import type { TLSSocket } from "node:tls";
import type { AlertmanagerFacts, DialFacts, PeerCertificate } from "@baton/core";
import type { TlsIdentity } from "../config/certificates.ts";
import { monoNow, wallNow } from "../clock.ts";
import { hostPort } from "../host-port.ts";

const answerWithinMs = 2_000;

/** Opens a connection to `host:port`, and with an identity speaks TLS to see what is shown there. Never rejects. */
export async function dial(
  address: string,
  identity: TlsIdentity | undefined,
  withinMs: number = answerWithinMs,
): Promise<DialFacts> {
  const [host, port] = hostPort(address);
  // A node publishes its address itself; one that cannot be dialled is its fault, and no end of the doctor.
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    return { kind: "silent", cause: `${address} is no address` };
  const begun = monoNow();
  const plain = connect({ host, port });
  try {
    await opened(plain, "connect", withinMs);
    const ms = monoNow() - begun;
    if (identity === undefined) return { kind: "reached", ms };
    return { kind: "reached", ms, certificate: await shown(plain, { host, identity, withinMs }) };
  } catch (error) {
    return { kind: "silent", cause: causeOf(error) };
  } finally {
    plain.destroy();
  }
}

async function shown(
  plain: Socket,
  o: { readonly host: string; readonly identity: TlsIdentity; readonly withinMs: number },
): Promise<PeerCertificate> {
  const { host, withinMs } = o;
  const { cert, key, ca, minVersion } = o.identity;
  const name = isIP(host) === 0 ? { servername: host } : {};
  const socket: TLSSocket = connectSecurely({ socket: plain, host, cert, key, ca, minVersion, ...name });
  try {
    await opened(socket, "secureConnect", withinMs);
    const endsWallMs = Date.parse(socket.getPeerCertificate().valid_to);
    return { kind: "believed", secondsLeft: (endsWallMs - wallNow()) / 1_000 };
  } catch (error) {
    return { kind: "doubted", cause: causeOf(error) };
  } finally {
    socket.destroy();
  }
}

async function opened(socket: Socket, event: "connect" | "secureConnect", withinMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once(event, () => resolve());
      socket.once("error", reject);
      socket.once("close", () => reject(new Error("it hung up")));
      timer = setTimeout(() => reject(new Error(`no answer within ${withinMs} ms`)), withinMs);
    });
  } finally {
    clearTimeout(timer);
    // What comes after the verdict is nobody's concern.
    socket.on("error", () => undefined);
  }
}

/** Reads the status of the Alertmanager below a URL. Never rejects. */
export async function askAlertmanager(
  url: string,
  withinMs: number = answerWithinMs,
): Promise<AlertmanagerFacts["answer"]> {
  try {
    const status = new URL("api/v2/status", url.endsWith("/") ? url : `${url}/`);
    const answer = await fetch(status, { redirect: "error", signal: AbortSignal.timeout(withinMs) });
    const text = await answer.text();
    if (!answer.ok) return { kind: "strange", cause: `it answered ${answer.status}` };
    return /"(versionInfo|cluster)"/.test(text)
      ? { kind: "answers" }
      : { kind: "strange", cause: "its status is none of an Alertmanager" };
  } catch (error) {
    if (error instanceof Error && error.name === "TimeoutError")
      return { kind: "silent", cause: `no answer within ${withinMs} ms` };
    return {
      kind: "silent",
      cause: causeOf(error instanceof Error && error.cause !== undefined ? error.cause : error),
    };
  }
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message === "" && "code" in error ? String(error.code) : error.message;
}
