//! A conformance case as data: its XML read into elements, the pairs of call and answer, and the walk that lays an expected answer beside
//! a given one.
//!
//! Text between elements is ignored: the cases hold remarks there. Source of truth: `../shared/spec/cases/README.md`.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use std::path::PathBuf;

/// An element with its attributes and children, in the order of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attrs: Vec<(String, String)>,
    pub(crate) children: Vec<Element>,
}

/// A call and the answer that it must get.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) call: Element,
    pub(crate) answer: Element,
}

impl Element {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), attrs: Vec::new(), children: Vec::new() }
    }

    pub(crate) fn with(mut self, key: &str, value: impl ToString) -> Self {
        self.attrs.push((key.to_owned(), value.to_string()));
        self
    }

    pub(crate) fn holding(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children);
        self
    }

    pub(crate) fn attr(&self, key: &str) -> Option<&str> {
        self.attrs.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
    }

    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|c| c.name == name)
    }

    /// The child that a call must have.
    pub(crate) fn must(&self, name: &str) -> &Self {
        self.child(name).unwrap_or_else(|| panic!("{} has no {name}", self.name))
    }

    /// The `value` of a child that a call must have.
    pub(crate) fn value(&self, name: &str) -> &str {
        self.must(name).attr("value").unwrap_or_else(|| panic!("{name} of {} has no value", self.name))
    }

    pub(crate) fn number(&self, name: &str) -> u64 {
        let text = self.value(name);
        text.parse().unwrap_or_else(|_| panic!("{name} of {} is {text:?}, not a number", self.name))
    }

    /// `length`, where a buffer is given.
    pub(crate) fn length(&self) -> Option<usize> {
        self.attr("length").map(|text| text.parse().unwrap_or_else(|_| panic!("a length of {text:?}")))
    }

    /// Every element below this one, itself included.
    pub(crate) fn all(&self) -> Vec<&Self> {
        std::iter::once(self).chain(self.children.iter().flat_map(Self::all)).collect()
    }

    /// The element at a path of child numbers.
    pub(crate) fn at(&mut self, path: &[usize]) -> &mut Self {
        path.iter().fold(self, |element, child| &mut element.children[*child])
    }
}

fn element(tag: &BytesStart<'_>) -> Element {
    let attribute = |a: Result<quick_xml::events::attributes::Attribute<'_>, _>| {
        let a = a.expect("an attribute");
        let value = a.normalized_value(XmlVersion::Implicit1_0).expect("its value").into_owned();
        (a.key.as_ref().to_owned(), value)
    };
    Element { attrs: tag.attributes().map(attribute).collect(), ..Element::new(tag.name().as_ref()) }
}

/// The steps of a case's text.
pub(crate) fn parse(text: &str) -> Vec<Step> {
    let mut reader = Reader::from_str(text);
    let mut open = vec![Element::new("")];
    let add = |open: &mut Vec<Element>, element| open.last_mut().expect("the document").children.push(element);
    loop {
        match reader.read_event().expect("the case is XML") {
            Event::Start(tag) => open.push(element(&tag)),
            Event::Empty(tag) => add(&mut open, element(&tag)),
            Event::End(_) => {
                let closed = open.pop().expect("an open element");
                add(&mut open, closed);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(open.len(), 1, "the case ends within an element");
    let root = open[0].must("PKCS11");
    let (pairs, rest) = root.children.as_chunks::<2>();
    assert!(rest.is_empty() && !pairs.is_empty(), "calls and answers come in pairs");
    let step = |[call, answer]: &[Element; 2]| {
        assert_eq!(call.name, answer.name, "an answer follows its call");
        assert!(call.attr("rv").is_none() && answer.attr("rv").is_some(), "{}: the answer is the one with a return code", call.name);
        Step { call: call.clone(), answer: answer.clone() }
    };
    pairs.iter().map(step).collect()
}

/// A case that lies beside the repository; None, with a line printed, where it does not.
pub(crate) fn read(file: &str) -> Option<Vec<Step>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/spec/cases").join(file);
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("note: {file} is not beside the repository: skipped");
        return None;
    };
    Some(parse(&text))
}

/// One attribute of an expected answer, and what stands in its place in the answer given.
pub(crate) struct Place<'a> {
    /// The expected element, and the attribute of it.
    pub(crate) element: &'a Element,
    pub(crate) key: &'a str,
    pub(crate) want: &'a str,
    pub(crate) got: Option<&'a str>,
    /// Where it stands in the answer given.
    pub(crate) path: Vec<usize>,
}

impl Place<'_> {
    /// The name of the variable that the expected answer binds here.
    pub(crate) fn variable(&self) -> Option<&str> {
        self.want.strip_prefix("${")?.strip_suffix('}')
    }

    /// What is compared: the element's name, or the type of an attribute of an object.
    pub(crate) fn name(&self) -> &str {
        self.element.attr("type").unwrap_or(&self.element.name)
    }
}

/// Every attribute of the expected answer beside the one given.
///
/// Children meet by name and number; a mechanism meets itself wherever it stands, since the order of that list is free.
pub(crate) fn side_by_side<'a>(want: &'a Element, got: Option<&'a Element>) -> Vec<Place<'a>> {
    let mut places = Vec::new();
    walk(want, got, &[], &mut places);
    places
}

fn walk<'a>(want: &'a Element, got: Option<&'a Element>, path: &[usize], places: &mut Vec<Place<'a>>) {
    let place = |(key, text): &'a (String, String)| Place { element: want, key, want: text, got: got.and_then(|g| g.attr(key)), path: path.to_vec() };
    places.extend(want.attrs.iter().map(place));
    for (number, child) in want.children.iter().enumerate() {
        let same_name = |c: &Element| c.name == child.name;
        let partner = got.and_then(|got| {
            if want.name == "MechanismList" {
                return got.children.iter().position(|c| c == child);
            }
            let before = want.children[..number].iter().filter(|c| same_name(c)).count();
            got.children.iter().enumerate().filter(|(_, c)| same_name(c)).nth(before).map(|(at, _)| at)
        });
        let path: Vec<usize> = path.iter().copied().chain(partner).collect();
        walk(child, partner.and_then(|at| got?.children.get(at)), &path, places);
    }
}
