//! XML as AWS's services write it: an element for each member, `<member>` or `<item>` for each item of a list, nothing for
//! what is absent. In REST-XML the items of a list have names of their own, so there a list is its items, each under the
//! name of the member.

use std::borrow::Cow;
use std::fmt::{self, Display, Write};

use quick_xml::escape::escape;
use serde::ser::{self, Serialize};

/// Writes the members of a structure, without an element around them. `item` is the name of the items of lists; if it is
/// empty, lists have no element around their items.
///
/// # Errors
///
/// The value has something that these services have no form for, such as bytes.
pub(crate) fn members(value: &(impl Serialize + ?Sized), item: &'static str) -> Result<String, Unwritable> {
    let mut text = String::new();
    value.serialize(Writer { text: &mut text, element: None, item, objects: false })?;
    Ok(text)
}

/// JSON whose objects are structures. As serde has them they are maps, of which Query makes entries.
#[derive(Clone, Debug, PartialEq)]
pub struct Members(pub serde_json::Value);

/// By what a writer knows that objects are structures from there on.
const MEMBERS: &str = "neargate_protocols::Members";

impl Serialize for Members {
    fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(MEMBERS, &self.0)
    }
}

/// What cannot be written.
#[derive(Debug)]
pub(crate) struct Unwritable(String);

impl Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unwritable {}

impl ser::Error for Unwritable {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// Where a value goes.
struct Writer<'t> {
    text: &'t mut String,
    /// The element around it; none around the whole.
    element: Option<String>,
    item: &'static str,
    /// Whether the members of maps are elements by their names.
    objects: bool,
}

impl<'t> Writer<'t> {
    fn scalar(self, value: &str) -> Result<(), Unwritable> {
        let name = self.element.ok_or_else(|| Unwritable("a reply is a structure".to_owned()))?;
        let _ = write!(self.text, "<{name}>{}</{name}>", text(value));
        Ok(())
    }

    fn open(self) -> Opened<'t> {
        if let Some(name) = &self.element {
            let _ = write!(self.text, "<{name}>");
        }
        Opened { text: self.text, element: self.element, list: None, item: self.item, objects: self.objects, key: None }
    }

    fn open_list(self) -> Opened<'t> {
        if self.item.is_empty() {
            let Self { text, element, item, objects } = self;
            return Opened { text, element: None, list: element, item, objects, key: None };
        }
        self.open()
    }
}

/// An element whose content is being written.
struct Opened<'t> {
    text: &'t mut String,
    element: Option<String>,
    /// The name of a list without an element around its items.
    list: Option<String>,
    item: &'static str,
    objects: bool,
    /// The key of a map's entry whose value comes next.
    key: Option<String>,
}

impl Opened<'_> {
    fn inside(&mut self, element: impl Into<String>) -> Writer<'_> {
        Writer { text: self.text, element: Some(element.into()), item: self.item, objects: self.objects }
    }

    fn close(self) {
        if let Some(name) = self.element {
            let _ = write!(self.text, "</{name}>");
        }
    }
}

macro_rules! scalars {
    ($($method:ident $type:ty;)*) => {$(
        fn $method(self, value: $type) -> Result<(), Unwritable> {
            self.scalar(&value.to_string())
        }
    )*};
}

impl<'t> ser::Serializer for Writer<'t> {
    type Ok = ();
    type Error = Unwritable;
    type SerializeSeq = Opened<'t>;
    type SerializeTuple = Opened<'t>;
    type SerializeTupleStruct = Opened<'t>;
    type SerializeTupleVariant = ser::Impossible<(), Unwritable>;
    type SerializeMap = Opened<'t>;
    type SerializeStruct = Opened<'t>;
    type SerializeStructVariant = ser::Impossible<(), Unwritable>;

    scalars! {
        serialize_bool bool;
        serialize_i8 i8;
        serialize_i16 i16;
        serialize_i32 i32;
        serialize_i64 i64;
        serialize_u8 u8;
        serialize_u16 u16;
        serialize_u32 u32;
        serialize_u64 u64;
        serialize_f32 f32;
        serialize_f64 f64;
        serialize_char char;
    }

    fn serialize_str(self, value: &str) -> Result<(), Unwritable> {
        self.scalar(value)
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), Unwritable> {
        Err(Unwritable("bytes have no form".to_owned()))
    }

    fn serialize_none(self) -> Result<(), Unwritable> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unwritable> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Unwritable> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Unwritable> {
        self.open().close();
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Unwritable> {
        self.scalar(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<(), Unwritable> {
        let objects = self.objects || name == MEMBERS;
        value.serialize(Self { objects, ..self })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Unwritable> {
        let mut opened = self.open();
        value.serialize(opened.inside(variant))?;
        opened.close();
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Opened<'t>, Unwritable> {
        Ok(self.open_list())
    }

    fn serialize_tuple(self, _: usize) -> Result<Opened<'t>, Unwritable> {
        Ok(self.open_list())
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Opened<'t>, Unwritable> {
        Ok(self.open_list())
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Unwritable> {
        Err(Unwritable("a tuple variant has no form".to_owned()))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Opened<'t>, Unwritable> {
        Ok(self.open())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Opened<'t>, Unwritable> {
        Ok(self.open())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Unwritable> {
        Err(Unwritable("a structure variant has no form".to_owned()))
    }
}

impl ser::SerializeSeq for Opened<'_> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        let name = self.list.clone().unwrap_or_else(|| self.item.to_owned());
        value.serialize(self.inside(name))
    }

    fn end(self) -> Result<(), Unwritable> {
        self.close();
        Ok(())
    }
}

impl ser::SerializeTuple for Opened<'_> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        ser::SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<(), Unwritable> {
        ser::SerializeSeq::end(self)
    }
}

impl ser::SerializeTupleStruct for Opened<'_> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        ser::SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<(), Unwritable> {
        ser::SerializeSeq::end(self)
    }
}

impl ser::SerializeStruct for Opened<'_> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Unwritable> {
        value.serialize(self.inside(name))
    }

    fn end(self) -> Result<(), Unwritable> {
        self.close();
        Ok(())
    }
}

/// `<entry><key>…</key><value>…</value></entry>`, or an element by the name of the key.
impl ser::SerializeMap for Opened<'_> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unwritable> {
        match serde_json::to_value(key) {
            Ok(serde_json::Value::String(key)) => self.key = Some(key),
            _ => return Err(Unwritable("the key of a map is a text".to_owned())),
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        let key = self.key.take().unwrap_or_default();
        if self.objects {
            return value.serialize(self.inside(key));
        }
        let _ = write!(self.text, "<entry><key>{}</key>", text(&key));
        value.serialize(self.inside("value"))?;
        self.text.push_str("</entry>");
        Ok(())
    }

    fn end(self) -> Result<(), Unwritable> {
        self.close();
        Ok(())
    }
}

/// Text as an element can have it. What XML has no character for (<https://www.w3.org/TR/xml/#charsets>) is replaced: a client
/// would read nothing of the whole answer.
pub(crate) fn text(value: &str) -> Cow<'_, str> {
    let has_no_character =
        |letter| matches!(letter, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}');
    if !value.contains(has_no_character) && !value.contains('\r') {
        return escape(value);
    }
    // A bare CR would be read as a line end.
    Cow::Owned(escape(&*value.replace(has_no_character, "\u{fffd}")).replace('\r', "&#13;"))
}
