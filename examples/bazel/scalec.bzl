"""A rule that compiles specs. Not tried: there is no Bazel where scalec is developed.

    load(":scalec.bzl", "scalec_model")

    scalec_model(
        name = "b4",
        spec = "efficientnet.scl",
        imports = ["mobile.scl"],
        options = ["--variant", "B4"],
    )

    py_library(name = "models", srcs = [":b4"])

`scalec` is a `py_binary` of the package's console script, as `py_console_script_binary` of rules_python makes one:

    py_console_script_binary(name = "scalec", pkg = "@pypi//scalec")
"""

def _scalec_model_impl(ctx):
    output = ctx.actions.declare_file(ctx.label.name + ".py")
    arguments = ctx.actions.args()
    arguments.add("compile")
    arguments.add(ctx.file.spec)
    arguments.add_all(ctx.attr.options)
    arguments.add("-o", output)
    arguments.add("--isolated")
    ctx.actions.run(
        outputs = [output],
        inputs = [ctx.file.spec] + ctx.files.imports,
        executable = ctx.executable.scalec,
        arguments = [arguments],
        mnemonic = "Scalec",
        progress_message = "Compiling %{label}",
        # In a sandbox every file is a link out of its folder, and scalec imports through no such link.
        execution_requirements = {"no-sandbox": "1"},
    )
    return [DefaultInfo(files = depset([output]))]

scalec_model = rule(
    implementation = _scalec_model_impl,
    attrs = {
        "spec": attr.label(allow_single_file = [".scl"], mandatory = True),
        "imports": attr.label_list(allow_files = [".scl"], doc = "The specs that it imports from beside it."),
        "options": attr.string_list(doc = "Options of `scalec compile`: --phi, --variant, --set, --features."),
        "scalec": attr.label(default = ":scalec", executable = True, cfg = "exec"),
    },
)
