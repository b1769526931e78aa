/**
 * Times in microseconds, for who asks for them: by the header `X-MBX-TIME-UNIT`, on a WebSocket by `timeUnit` in its
 * address. The exchange's own clock counts milliseconds, so three zeros are what an answer in microseconds adds.
 */
import { badRequest, type ApiError } from "./api-error.ts";

const names = "serverTime|time|updateTime|workingTime|transactTime|openTime|closeTime|E|T|O|C|W|t|u";
const named = new RegExp(`"(?:${names})":\\d{13}(?=[,}\\]])`, "g");
/** A candle of a list: its first and its seventh part. */
const ofCandles = /(?<=[[,])\d{13}(?=,")/g;

/** True when microseconds are asked for; an error when the text is no unit. */
export function asksMicroseconds(unit: string | null | undefined): boolean | ApiError {
  switch (unit?.toUpperCase()) {
    case undefined:
    case "MILLISECOND":
      return false;
    case "MICROSECOND":
      return true;
    default:
      return badRequest(-1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.");
  }
}

/** A JSON text with all its times in microseconds; ids are never so many digits as a time. */
export function inMicroseconds(text: string): string {
  return text.replace(named, (whole) => `${whole}000`).replace(ofCandles, (whole) => `${whole}000`);
}
