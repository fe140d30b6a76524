// A browser starts no worker for a page that is read from a file, and material's search needs one. So a hidden frame
// runs the worker's script there. The script knows that by window.parent.IFrameWorker.
if (location.protocol === "file:") {
  window.IFrameWorker = class extends EventTarget {
    constructor(script) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.body.append(this.frame);
      const inside = this.frame.contentWindow;
      this.isLoaded = new Promise((resolve) => inside.document.open() && (inside.onload = resolve));
      inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      inside.document.write(`<!doctype html><title>Search</title><script src="${script}"></script>`);
      inside.document.close();
    }

    postMessage(data) {
      const inside = this.frame.contentWindow;
      this.isLoaded.then(() => inside.dispatchEvent(new inside.MessageEvent("message", { data })));
    }
  };
  window.Worker = window.IFrameWorker;
}

// Who searches for an option types its dashes, which would mean: pages without this word.
const post = Worker.prototype.postMessage;
Worker.prototype.postMessage = function (message, ...more) {
  const isQuery = typeof message?.data === "string";
  post.call(this, isQuery ? { ...message, data: message.data.replace(/(^|\s)-+/g, "$1") } : message, ...more);
};
