use std::fmt::Write as _;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};

use super::missing::Missing;
use super::{filters, json};

/// The work limit of one evaluation. An instruction costs one, and so do 64 bytes of data: enough for a loop
/// over some ten thousand items, and at most a tenth of a second.
const FUEL: u64 = 250_000;

/// Every filter by name, for suggestions. The language cannot list them.
pub(super) const FILTER_NAMES: [&str; 50] = [
    "abs",
    "attr",
    "b64decode",
    "b64encode",
    "batch",
    "bool",
    "capitalize",
    "chain",
    "count",
    "d",
    "default",
    "dictsort",
    "first",
    "float",
    "format",
    "fromjson",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "keys",
    "last",
    "len",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "pprint",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "unique",
    "upper",
    "values",
];

/// The template language with NoETL's filters, without any values.
pub(super) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    // Only delimiters can make a syntax invalid, and these are the language's own.
    if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
        environment.set_syntax(syntax);
    }
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_fuel(Some(FUEL));
    // Errors then name the part of the template that is at fault.
    environment.set_debug(true);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    // It would print everything that the template can access.
    environment.remove_global("debug");

    environment.add_filter("default", filters::default);
    environment.add_filter("d", filters::default);
    environment.add_filter("int", filters::int);
    environment.add_filter("float", filters::float);
    environment.add_filter("tojson", filters::tojson);
    environment.add_filter("fromjson", filters::fromjson);
    environment.add_filter("b64encode", filters::b64encode);
    environment.add_filter("b64decode", filters::b64decode);
    environment.add_filter("len", filters::len);
    environment.add_filter("keys", filters::keys);
    environment.add_filter("values", filters::values);
    environment.add_filter("string", filters::string);
    environment.add_test("defined", filters::is_defined);
    environment.add_test("undefined", filters::is_undefined);

    environment.set_formatter(|output, _, value| {
        if let Some(missing) = Missing::of(value) {
            missing.note_use();
            return Err(Error::from(ErrorKind::UndefinedError));
        }
        // An omitted `else` yields nothing.
        if value.is_undefined() {
            return Ok(());
        }
        let mut bounded = Bounded {
            output,
            left: json::MAX_OUTPUT_BYTES,
        };
        let written = match value.as_str() {
            Some(text) if value.kind() == ValueKind::String => bounded.write_str(text),
            _ => write!(bounded, "{value}"),
        };
        written.map_err(|_| Error::from(ErrorKind::OutOfFuel))
    });
    environment
}

/// Ends the writing of a value that repeats its parts without end.
struct Bounded<'output, 'inner> {
    output: &'output mut minijinja::Output<'inner>,
    left: usize,
}

impl std::fmt::Write for Bounded<'_, '_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.left = self.left.checked_sub(text.len()).ok_or(std::fmt::Error)?;
        self.output.write_str(text)
    }
}
