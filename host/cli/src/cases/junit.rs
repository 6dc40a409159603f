use std::io;

use quick_xml::Writer;
use quick_xml::events::BytesText;

use super::file::CaseFile;
use super::run::CaseResult;

/// The results of files of cases as a report in the format of `JUnit`, which build servers show.
///
/// # Errors
///
/// If a text cannot be written.
pub fn junit(results: &[(CaseFile, Vec<CaseResult>)]) -> io::Result<String> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    let suites = writer.create_element("testsuites");
    suites.write_inner_content(|writer| {
        for (file, results) in results {
            let name = file.path().display().to_string();
            let failures = results.iter().filter(|result| !result.problems.is_empty());
            let suite = writer
                .create_element("testsuite")
                .with_attribute(("name", name.as_str()))
                .with_attribute(("tests", results.len().to_string().as_str()))
                .with_attribute(("failures", failures.count().to_string().as_str()));
            suite.write_inner_content(|writer| {
                results
                    .iter()
                    .try_for_each(|result| case(writer, &name, result))
            })?;
        }
        Ok(())
    })?;
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    text.push_str(&String::from_utf8_lossy(&writer.into_inner()));
    Ok(text)
}

fn case(writer: &mut Writer<Vec<u8>>, file: &str, result: &CaseResult) -> io::Result<()> {
    let seconds = format!("{:.3}", result.duration.as_secs_f64());
    let element = writer
        .create_element("testcase")
        .with_attribute(("classname", file))
        .with_attribute(("name", result.name.as_str()))
        .with_attribute(("time", seconds.as_str()));
    let Some(first) = result.problems.first() else {
        return element.write_empty().map(|_| ());
    };
    let rendered = result.problems.iter().map(|problem| problem.render(false));
    let rendered = without_controls(&rendered.collect::<String>());
    let written = element.write_inner_content(|writer| {
        let failure = writer
            .create_element("failure")
            .with_attribute(("message", without_controls(first.message()).as_str()));
        failure
            .write_text_content(BytesText::new(&rendered))
            .map(|_| ())
    });
    written.map(|_| ())
}

/// XML 1.0 has no characters for controls other than tabs and line ends.
fn without_controls(text: &str) -> String {
    let allowed = |character: &char| !character.is_control() || matches!(character, '\t' | '\n');
    text.chars().filter(allowed).collect()
}
