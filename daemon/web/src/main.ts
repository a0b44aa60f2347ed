import { startTheme } from "./theme.ts";
import { startRouter } from "./router.tsx";
import { language } from "./i18n/index.ts";

document.documentElement.lang = language.value;
startTheme();
startRouter();

// A commune's PC loads the room alone, an operator's the console alone.
if (location.pathname.startsWith("/p/")) {
  void import("./room/main.tsx").then((page) => page.start());
} else {
  void import("./console/main.tsx").then((page) => page.start());
}
