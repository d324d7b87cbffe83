"""What was found wrong, and how it is shown. In: places in a text, and what is wrong there. Out: text for people,
JSON, SARIF and CI formats. Imported by every package; imports only the ground.
"""
