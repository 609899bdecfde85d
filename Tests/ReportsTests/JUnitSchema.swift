/// What we take from JUnit XML: the part that the readers of Jenkins, GitLab, Azure and GitHub have in common.
let junitSchema = """
    <?xml version="1.0" encoding="UTF-8"?>
    <xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
      <xs:simpleType name="count"><xs:restriction base="xs:nonNegativeInteger"/></xs:simpleType>
      <xs:simpleType name="seconds">
        <xs:restriction base="xs:decimal"><xs:minInclusive value="0"/></xs:restriction>
      </xs:simpleType>
      <xs:attributeGroup name="totals">
        <xs:attribute name="name" type="xs:string" use="required"/>
        <xs:attribute name="tests" type="count" use="required"/>
        <xs:attribute name="failures" type="count" use="required"/>
        <xs:attribute name="errors" type="count" use="required"/>
        <xs:attribute name="skipped" type="count" use="required"/>
        <xs:attribute name="time" type="seconds" use="required"/>
      </xs:attributeGroup>
      <xs:complexType name="properties">
        <xs:sequence>
          <xs:element name="property" minOccurs="1" maxOccurs="unbounded">
            <xs:complexType>
              <xs:attribute name="name" type="xs:string" use="required"/>
              <xs:attribute name="value" type="xs:string" use="required"/>
            </xs:complexType>
          </xs:element>
        </xs:sequence>
      </xs:complexType>
      <xs:complexType name="problem">
        <xs:simpleContent>
          <xs:extension base="xs:string">
            <xs:attribute name="type" type="xs:string" use="required"/>
            <xs:attribute name="message" type="xs:string" use="required"/>
          </xs:extension>
        </xs:simpleContent>
      </xs:complexType>
      <xs:complexType name="case">
        <xs:sequence>
          <xs:element name="properties" type="properties" minOccurs="0"/>
          <xs:choice minOccurs="0">
            <xs:element name="failure" type="problem"/>
            <xs:element name="error" type="problem"/>
            <xs:element name="skipped">
              <xs:complexType><xs:attribute name="message" type="xs:string" use="required"/></xs:complexType>
            </xs:element>
          </xs:choice>
          <xs:element name="system-out" type="xs:string" minOccurs="0"/>
        </xs:sequence>
        <xs:attribute name="classname" type="xs:string" use="required"/>
        <xs:attribute name="name" type="xs:string" use="required"/>
        <xs:attribute name="time" type="seconds" use="required"/>
      </xs:complexType>
      <xs:element name="testsuites">
        <xs:complexType>
          <xs:sequence>
            <xs:element name="testsuite" minOccurs="0" maxOccurs="unbounded">
              <xs:complexType>
                <xs:sequence>
                  <xs:element name="properties" type="properties"/>
                  <xs:element name="testcase" type="case" minOccurs="1" maxOccurs="unbounded"/>
                </xs:sequence>
                <xs:attributeGroup ref="totals"/>
                <xs:attribute name="timestamp" type="xs:dateTime"/>
              </xs:complexType>
              <!-- Readers overwrite one of two cases of the same name. -->
              <xs:unique name="caseNames">
                <xs:selector xpath="testcase"/>
                <xs:field xpath="@classname"/>
                <xs:field xpath="@name"/>
              </xs:unique>
            </xs:element>
          </xs:sequence>
          <xs:attributeGroup ref="totals"/>
        </xs:complexType>
      </xs:element>
    </xs:schema>
    """
