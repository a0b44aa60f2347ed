import { Component, type ComponentChildren } from "preact";
import { common } from "../i18n/common.ts";
import { Button } from "./basics.tsx";

/** Shows a sentence and a way on where a mistake of ours would leave an empty page. */
export class Guard extends Component<{ children: ComponentChildren }, { broken: boolean }> {
  override state = { broken: false };

  override componentDidCatch(error: unknown): void {
    console.error(error);
    this.setState({ broken: true });
  }

  override render() {
    if (!this.state.broken) return this.props.children;
    return (
      <div class="gate" role="alert">
        <p>{common("crashed")}</p>
        <Button kind="primary" onClick={() => location.reload()}>{common("reload")}</Button>
      </div>
    );
  }
}
