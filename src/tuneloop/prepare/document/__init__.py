"""What importers of documents share: blocks in, text records out.

blocks.py                    what a document is made of, and how each part is written as Markdown
packing.py                   blocks → texts of bounded length, cut at headings first
reader.py                    the base of importers of documents
package.py  ole.py  xml.py   files that are archives inside (Office, EPUB), opened without trusting them
html_tree.py  encoding.py    an HTML page → blocks
main_text.py  furniture.py   the article of a page, without its menus and advertisements
pdf_lines.py  pdf_blocks.py  a page of a PDF → lines → paragraphs
"""
