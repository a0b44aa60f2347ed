import { common } from "../i18n/common.ts";

/** The mark: a span over two rails. */
export function Brand() {
  return (
    <span class="brand">
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <path d="M3 23h26" stroke="currentColor" stroke-width="2.6" stroke-linecap="round" />
        <path d="M5.5 23a10.5 10.5 0 0 1 21 0" fill="none" stroke="currentColor" stroke-width="2.6" />
        <path d="M11 23v-8.6M16 23V12.6M21 23v-8.6" stroke="currentColor" stroke-width="1.9" opacity=".65" />
      </svg>
      <b>{common("brand")}</b>
    </span>
  );
}
