// The command line of `hadron`: every command, every option, and which command takes which.
include "llvm/Option/OptParser.td"

def Import : SubCommand<"import", "Read a model and write it as IR", "hadron import MODEL -o FILE.mlir [--compile-to PHASE] [options]">;
def Compile : SubCommand<"compile", "Compile a model into a kernel library", "hadron compile MODEL -o DIR [options]">;
def Run : SubCommand<"run", "Run a library or a model on arrays from files", "hadron run DIR|MODEL [--input NAME=FILE.npy]… [--output NAME]… [--output-dir DIR] [options]\\n       hadron run MODEL --test-data DIR… [--rtol R] [--atol A] [options]">;
def Generate : SubCommand<"generate", "Continue a sequence of tokens, greedily", "hadron generate DIR|MODEL --tokens 1,2,3 [--max-new N] [options]">;
def Perplexity : SubCommand<"perplexity", "Measure how well a model predicts a text", "hadron perplexity DIR|MODEL --tokens FILE.npy [--window N] [--reference DIR|MODEL] [--json FILE] [options]">;
def Bench : SubCommand<"bench", "Time the entry points of a library", "hadron bench DIR|MODEL [--input-shape NAME=1x4096]… [--json FILE] [options]\\n       hadron bench DIR|MODEL --prompt-tokens P --decode-tokens G [--json FILE] [options]">;
def Formats : SubCommand<"formats", "List the weight formats", "hadron formats [--json]">;
def Version : SubCommand<"version", "Print the version", "hadron version">;

defvar compiling = [Compile, Run, Generate, Perplexity, Bench];
defvar running = [Run, Generate, Perplexity, Bench];

// What is said about how a model is compiled, apart from the rest.
def compilation : OptionGroup<"compilation">;

// An option with a value, as `--name value` and as `--name=value`.
multiclass Value<string name, list<SubCommand> commands, string meta, string help> {
  def NAME : Separate<["--"], name, commands>, MetaVarName<meta>, HelpText<help>;
  def NAME # _joined : Joined<["--"], name # "=", commands>, Alias<!cast<Separate>(NAME)>;
}
multiclass CompileValue<string name, string meta, string help> {
  def NAME : Separate<["--"], name, compiling>, MetaVarName<meta>, HelpText<help>, Group<compilation>;
  def NAME # _joined : Joined<["--"], name # "=", compiling>, Alias<!cast<Separate>(NAME)>;
}
class Switch<string name, list<SubCommand> commands, string help> : Flag<["--"], name, commands>, HelpText<help>;

// ---- what is read and written ----
def out : JoinedOrSeparate<["-"], "o", [Import, Compile]>, MetaVarName<"PATH">,
  HelpText<"where the result goes: the folder of the library; for import a file, - for the standard output">;
defm input : Value<"input", [Run], "NAME=FILE.npy", "an input by name. bfloat16 is given as float32 and rounded.\nInputs that are states (caches) are empty unless given">;
defm output : Value<"output", [Run], "NAME", "write this output only; may be repeated. States, such as present.0.key, are\nwritten only when named. default: all outputs">;
defm output_dir : Value<"output-dir", [Run], "DIR", "where NAME.npy are written; characters that are not letters, digits, . _ + -\nbecome _. bfloat16 is written as float32. default: .">;
defm entry : Value<"entry", [Run], "NAME", "the entry point, where the library has several">;
defm repeat : Value<"repeat", [Run, Bench], "N", "run so many times and say how long a run took; for bench: timed runs">;
defm test_data : Value<"test-data", [Run], "DIR…", "folders with input_N.pb and output_N.pb as ONNX's backend tests have them:\none line for each; exit code 1 when an output differs">;
defm rtol : Value<"rtol", [Run], "R", "relative tolerance of --test-data. default: 1e-3">;
defm atol : Value<"atol", [Run], "A", "absolute tolerance of --test-data. default: 1e-5">;
defm tokens : Value<"tokens", [Generate, Perplexity], "TOKENS", "token ids: 1,2,3 for generate; for perplexity a file FILE.npy of integers,\n[windows, length] or one row that --window cuts">;
defm prompt : Value<"prompt", [Generate], "TEXT", "needs a tokenizer; not in this version">;
defm max_new : Value<"max-new", [Generate], "N", "make exactly so many tokens. default: 16">;
defm text : Value<"text", [Perplexity], "FILE", "needs a tokenizer; not in this version">;
defm window : Value<"window", [Perplexity], "N", "cut every row into windows of N tokens; each starts with an empty state">;
defm reference : Value<"reference", [Perplexity], "DIR|MODEL", "also run this one, and count how often both like the same token best">;
defm json : Value<"json", [Perplexity, Bench], "FILE", "write the figures as JSON; - for the standard output">;
def as_json : Switch<"as-json", [Formats], "as JSON">;
defm input_shape : Value<"input-shape", [Bench], "NAME=1x4096", "the shape of an input that has dynamic sizes; may be repeated. Sizes that follow\nfrom those given are filled in">;
defm min_time : Value<"min-time", [Bench], "SECONDS", "how long to measure each entry at least. default: 0.5">;
defm prompt_tokens : Value<"prompt-tokens", [Bench], "P", "time a token loop: a prompt of P tokens at once …">;
defm decode_tokens : Value<"decode-tokens", [Bench], "G", "… and G tokens after it, one at a time">;

// ---- where it runs ----
defm threads : Value<"threads", compiling, "N", "how many threads to use. default: HADRON_THREADS, else the cores of this process">;
defm device : Value<"device", running, "cpu", "where to run: cpu">;

// ---- how it is compiled; the running commands take these for a MODEL ----
defm name : CompileValue<"name", "NAME", "name of the library. default: the model's file name without its ending">;
defm target : CompileValue<"target", "cpu", "cpu. default: cpu">;
defm chip : CompileValue<"chip", "CHIP", "instruction sets: native, all, x86-64, x86-64-v3, x86-64-v4, x86-64-v4-vnni.\ndefault: native">;
defm weights : CompileValue<"weights", "FORMAT", "how matrix products keep their weights: none (as the model has them), int8, int4, int2,\neach with options, int4:g32:sym; see `hadron formats`. default: none">;
defm keep : CompileValue<"keep", "PATTERN=FORMAT", "another format for weights whose name matches, * and ? as in a shell;\nmay be repeated, the first match wins">;
defm rotate : CompileValue<"rotate", "HOW", "Hadamard rotations: none, online (of activations as they are computed), auto.\ndefault: none with --weights none, else auto">;
defm rotation_size : CompileValue<"rotation-size", "N", "size of the rotated blocks, or auto. default: auto">;
defm rounds : CompileValue<"rounds", "N", "rounds of signs and butterflies in a rotation: auto, 1. default: auto">;
defm seed : CompileValue<"seed", "S", "seed of the random signs. default: 0">;
defm activations : CompileValue<"activations", "TYPE", "f32 or int8, inside matrix products with packed weights. default: int8 where Hadron\nquantizes the weights or the model asks for it (accuracy_level 4), else f32">;
defm kv : CompileValue<"kv", "FORMAT", "format of caches: none (as the model has them), f32. default: none">;
defm fuse_inverse_fwht : CompileValue<"fuse-inverse-fwht", "WHERE", "where inverse rotations go: auto, activation. default: auto">;
defm remarks : CompileValue<"remarks", "FILE", "write remarks of the optimizer as YAML">;
defm dump_phases_to : Value<"dump-phases-to", [Import, Compile], "DIR", "write the IR after every phase">;
defm compile_to : Value<"compile-to", [Import, Compile], "PHASE", "stop after a phase and write IR: import, raise, rotate, quantize, fuse, schedule,\nkernels, host, library. default: raise for import, library for compile">;

def help : Flag<["--", "-"], "help">, HelpText<"print this text">;
def help_short : Flag<["-"], "h">, Alias<help>;
def version_flag : Flag<["--"], "version">;
