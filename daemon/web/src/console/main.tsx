import { render } from "preact";
import { useCell } from "../cell.ts";
import { common } from "../i18n/common.ts";
import { language } from "../i18n/index.ts";
import { readSession, session, sessionError } from "../session.ts";
import { Asker, Speaker } from "../ui/dialog.tsx";
import { Failure } from "../ui/basics.tsx";
import { Guard } from "../ui/guard.tsx";
import { Shell } from "./shell.tsx";
import { SetUp } from "./setup.tsx";
import { SignIn } from "./sign_in.tsx";

function App() {
  useCell(language);
  const known = useCell(session);
  const error = useCell(sessionError);
  if (known === null) {
    if (error) return <main class="gate"><Failure error={error} retry={() => void readSession()} /></main>;
    return <main class="gate"><p role="status">{common("loading")}</p></main>;
  }
  if (known.state === "setup") return <SetUp />;
  if (known.state === "anonymous") return <SignIn />;
  return <Shell session={known} />;
}

export function start(): void {
  void readSession();
  render(
    <Guard>
      <App />
      <Asker />
      <Speaker />
    </Guard>,
    document.getElementById("app")!,
  );
}
