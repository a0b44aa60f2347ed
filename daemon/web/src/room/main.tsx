import { render } from "preact";
import { common } from "../i18n/common.ts";

export function start(): void {
  render(<p>{common("loading")}</p>, document.getElementById("app")!);
}
