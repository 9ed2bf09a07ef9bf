# SPDX-License-Identifier: GPL-2.0
# Configuration of Sphinx, see 'make docs'.
project = 'vmshm'
author = 'the vmshm developers'
copyright = author
extensions = []
primary_domain = 'c'
highlight_language = 'none'
# How scripts/kernel-doc writes what the C domain does not know.
c_id_attributes = ['__aligned_u64']
exclude_patterns = ['README*']
html_theme = 'alabaster'
html_theme_options = {'description': 'regions of shared memory', 'page_width': '1000px'}
html_show_copyright = False
